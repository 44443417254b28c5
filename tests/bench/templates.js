// What handlebars.js takes for the fragments that templates.c renders, out of the same contexts.
//     nodejs templates.js FOLDER TEMPLATES ROUNDS
// FOLDER holds contexts.json, backends.cfg and routes.map as templates.c left them. Prints "render US": the best
// round, after one that is not counted. Ends with 1 if its bytes are not those of ours.
// SPDX-License-Identifier: Apache-2.0
"use strict";
const fs = require("fs");
const path = require("path");
const Handlebars = require("/usr/share/javascript/handlebars/handlebars.js");

const [folder, templates, rounds] = [process.argv[2], process.argv[3], Number(process.argv[4])];
const text = (v) => (v === undefined || v === null ? null : String(v));

// The same texts as our helpers for what is valid; they check nothing, so they take less.
for (const name of ["asInteger", "asDuration", "asChoice", "asText", "asToken", "asHost", "asFile", "asPath"])
	Handlebars.registerHelper(name, text);
Handlebars.registerHelper("asFlag", (v) => v === true || v === "true");
Handlebars.registerHelper("asMap", (v) => v);
Handlebars.registerHelper("asList", (v) => (v === undefined || v === null ? null : [].concat(v)));
Handlebars.registerHelper("logFormat", (v) => (v === undefined || v === null ? null : String(v).replace(/%/g, "%%")));

// Those of ours that the templates also call; of many parameters, the last is Handlebars' own.
const { isEmpty } = Handlebars.Utils;
Handlebars.registerHelper("eq", (a, b) => a === b);
Handlebars.registerHelper("not", (v) => isEmpty(v));
Handlebars.registerHelper("or", (...all) => all.slice(0, -1).find((v) => !isEmpty(v)) ?? all[all.length - 2]);
Handlebars.registerHelper("firstOf", (...all) => all.slice(0, -1).find((v) => v !== undefined && v !== null && v !== ""));
Handlebars.registerHelper("isIn", (v, list) => Array.isArray(list) && list.includes(v));
Handlebars.registerHelper("dict", (options) => options.hash);
for (const name of ["fail", "groupWeights", "preferSameRackWeighting"]) // nothing for these services
	Handlebars.registerHelper(name, () => null);

const options = { compat: true, noEscape: true };
const rows = ["backends.cfg", "routes.map"].map((name) => ({
	name, render: Handlebars.compile(fs.readFileSync(path.join(templates, name + ".hbs"), "utf8"), options) }));
const contexts = fs.readFileSync(path.join(folder, "contexts.json"), "utf8").trimEnd().split("\n").map((s) => JSON.parse(s));

let best = Infinity;
for (let round = 0; round <= rounds; round++) {
	const from = process.hrtime.bigint();
	const out = rows.map((row) => {
		let all = "";
		for (const context of contexts)
			all += row.render(context);
		return all;
	});
	const us = Number(process.hrtime.bigint() - from) / 1000;
	if (round > 0)
		best = Math.min(best, us);
	else
		rows.forEach((row, i) => {
			if (out[i] !== fs.readFileSync(path.join(folder, row.name), "utf8")) {
				fs.writeFileSync(path.join(folder, row.name + ".js"), out[i]);
				console.error("templates.js: other bytes than ours in " + row.name);
				process.exit(1);
			}
		});
}
console.log("render " + Math.round(best));
