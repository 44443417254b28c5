/*
 * render_pairs.js - the pairs of render_pairs.c through handlebars.js, as it is or with differences taken out
 *
 * Options compat (the look-up of Mustache) and noEscape (output text).  A pair with "wanted": [texts] asks which
 * copy of handlebars.js, with documented differences (differences.md) taken out, prints one of them: the answer
 * is {"changes": their names, "which": index}, or {} for none.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
'use strict';

const fs = require('fs');
const vm = require('vm');

const PATH = process.env.HANDLEBARS_JS || '/usr/share/javascript/handlebars/handlebars.js';
const SOURCE = fs.readFileSync(PATH, 'utf8');

/* What is taken out: places in the source, which must be there, and what stands there instead. */
const CHANGES = {
	/* With noEscape, {{a}}{{b}} of two numbers prints their sum. */
	sum: [[/\[" != null \? ",(\w),/, '[" != null ? \\"\\" + ",$1,']],
	/* The members of what is false, behind @: {{@first.x}} is false. */
	chain: [[/return (\w)\?\[" && ",(\w)\]:/, 'return ']],
	/* In a block, a scope that is null is an empty object. */
	empty: [[/function (\w)\((\w)\)(\{var \w=arguments\.length>1&&void 0!==arguments\[1\]\?arguments\[1\]:\{\},\w=\w;return!)/,
		'function $1($2){$2=$2===t.nullContext?null:$2;return $1_($2,...[...arguments].slice(1))}function $1_($2)$3']],
	/* Texts have a length, and characters under numbers. */
	string: [[/lookupProperty:function\((\w),(\w)\)\{/, 'lookupProperty:function($1,$2){if(typeof $1==="string")return;']],
};

function load(changes)
{
	let text = SOURCE;

	for (const [from, to] of changes.flatMap((name) => CHANGES[name])) {
		if (!from.test(text))
			throw new Error(PATH + ' is not 4.7.7: there is no ' + from);
		text = text.replace(from, to);
	}
	const silent = { log() {}, info() {}, warn() {}, error() {}, debug() {} };
	const module = { exports: {} };

	vm.runInNewContext(text, { module, exports: module.exports, console: silent }, { filename: PATH });
	return module.exports;
}

const loaded = {};
function shape(changes)
{
	const name = changes.join('+');

	return loaded[name] || (loaded[name] = load(changes));
}

/* All subsets, the small ones first. */
function subsets()
{
	let all = [[]];

	for (const name of Object.keys(CHANGES))
		all = all.concat(all.map((some) => some.concat(name)));
	all = all.filter((some) => some.length <= 3);
	return all.sort((x, y) => x.length - y.length);
}

/* Ours, as agent/core/helpers_logic.c has them. */
function helpers_of(Handlebars)
{
	const truth = (v) => !Handlebars.Utils.isEmpty(v) && v !== 0;
	const both = (value) => function (...args) {
		const options = args.pop();
		const v = value(...args);

		if (!options.fn)
			return v;
		return truth(v) ? options.fn(this) : options.inverse(this);
	};
	const equal = (x, y) => (x === undefined ? null : x) === (y === undefined ? null : y);
	const first = (values, test) => {
		const i = values.findIndex(test);

		return values[i < 0 ? values.length - 1 : i];
	};
	const order = (test) => both((x, y) => {
		if (typeof x === 'string' && typeof y === 'string')
			return test(Buffer.compare(Buffer.from(x), Buffer.from(y)), 0);
		if (typeof x !== 'number' || typeof y !== 'number')
			throw new Error('neither two numbers nor two texts');
		return test(x, y);
	});
	const join = (list, between) => {
		if (list !== null && list !== undefined && !Array.isArray(list))
			throw new Error('no list');
		return (list || []).join(between);
	};

	return {
		eq: both(equal),
		ne: both((x, y) => !equal(x, y)),
		lt: order((x, y) => x < y),
		lte: order((x, y) => x <= y),
		gt: order((x, y) => x > y),
		gte: order((x, y) => x >= y),
		and: both((...values) => first(values, (v) => !truth(v))),
		or: both((...values) => first(values, truth)),
		not: both((v) => !truth(v)),
		join: (list, ...rest) => join(list, rest.length > 1 ? rest[0] : ','),
	};
}

function render(Handlebars, pair)
{
	const H = Handlebars.create();
	const options = { compat: true, noEscape: pair.output !== 'html' };

	try {
		H.registerHelper(helpers_of(H));
		for (const [name, text] of Object.entries(pair.partials || {}))
			H.parse(text) && H.registerPartial(name, text);
		return { ok: H.compile(pair.template, options)(pair.data) };
	} catch (e) {
		return { error: String(e && e.message) };
	}
}

function answer(line)
{
	const pair = JSON.parse(line);
	const result = pair.wanted ? {} : render(shape([]), pair);

	for (const changes of pair.wanted ? subsets() : []) {
		const which = pair.wanted.indexOf(render(shape(changes), pair).ok);

		if (which >= 0)
			return JSON.stringify({ changes: changes.join('+'), which });
	}
	return JSON.stringify(result);
}

const lines = fs.readFileSync(0, 'utf8').split('\n');
const out = [];

for (const line of lines)
	if (line !== '')
		out.push(answer(line));
process.stdout.write(out.join('\n') + (out.length ? '\n' : ''));
