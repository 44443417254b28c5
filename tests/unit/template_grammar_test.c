/*
 * template_grammar_test.c - what tree a template becomes: names, blocks, partials, and white space
 *
 * The trees are written down: 'text' (value) (&raw value) if(x){body}{else part} each(x)|names{...}
 * >name(context key=value)[indent]{block} *name{inline}.  A path is !name (this alone), ^2name (two scopes
 * up), @name, $0.1 (the second name of the nearest block with names); name# may be an index of a list.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/ast.h"

#include "agent/template/target.h"
#include "lib/base/str.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

static int nothing(const struct template_call *call, const struct value **out, struct error *err)
{
	(void)call;
	(void)err;
	*out = value_null();
	return 0;
}

static const struct template_helper HELPERS[] = {
	{ "h", nothing, 0, 9, HELPER_BOTH, NULL },
	{ "lookup", nothing, 2, 2, HELPER_VALUE, NULL },
};

static void write_expr(const struct expr *x, struct buf *out);

static void write_params(const struct param *args, size_t n, const struct param *hash, size_t n_hash, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		buf_str(out, i > 0 ? " " : "");
		write_expr(args[i].expr, out);
	}
	for (size_t i = 0; i < n_hash; i++) {
		buf_printf(out, "%s%s=", n + i > 0 ? " " : "", hash[i].key);
		write_expr(hash[i].expr, out);
	}
}

static void write_path(const struct path *p, struct buf *out)
{
	size_t from = 0;

	if (p->slot >= 0) {
		buf_printf(out, "$%u.%d", p->block, p->slot);
		from = 1;
	} else {
		buf_str(out, p->data ? "@" : p->here ? "!" : "");
		if (p->up > 0)
			buf_printf(out, "^%u", p->up);
	}
	for (size_t i = from; i < p->n; i++)
		buf_printf(out, "%s%s%s", i > 0 ? "." : "", p->segs[i].name, p->segs[i].index >= 0 ? "#" : "");
}

static void write_expr(const struct expr *x, struct buf *out)
{
	switch (x->kind) {
	case EXPR_LITERAL:
		value_write(x->u.literal, false, out);
		return;
	case EXPR_PATH:
		write_path(&x->u.path, out);
		return;
	case EXPR_CALL:
		buf_printf(out, "%s(", x->u.call.helper->name);
		write_params(x->u.call.args, x->u.call.n_args, x->u.call.hash, x->u.call.n_hash, out);
		buf_char(out, ')');
		return;
	}
}

static void write_nodes(const struct node *n, struct buf *out);

static void write_part(const struct node *part, struct buf *out)
{
	buf_char(out, '{');
	write_nodes(part, out);
	buf_char(out, '}');
}

static void write_block(const struct node *n, struct buf *out)
{
	static const char *const words[] = { [NODE_IF] = "if", [NODE_UNLESS] = "unless", [NODE_EACH] = "each",
		[NODE_WITH] = "with", [NODE_SECTION] = "#", [NODE_TEST] = "?", [NODE_INLINE] = "*", [NODE_PARTIAL] = ">",
		[NODE_DEFINE] = "define", [NODE_BLOCK] = "block" };

	buf_str(out, words[n->kind]);
	if (n->kind == NODE_PARTIAL || n->kind == NODE_INLINE) {
		write_expr(n->expr, out);
		if (n->n_args + n->n_hash > 0)
			buf_char(out, '(');
		write_params(n->args, n->n_args, n->hash, n->n_hash, out);
		if (n->n_args + n->n_hash > 0)
			buf_char(out, ')');
	} else {
		const struct param about = { NULL, n->expr };

		buf_char(out, '(');
		write_params(&about, 1, n->hash, n->n_hash, out);
		buf_char(out, ')');
	}
	if (n->n_names > 0)
		buf_printf(out, "|%u", n->n_names);
	if (n->indent != NULL) {
		buf_char(out, '[');
		str_escape(out, n->indent, strlen(n->indent), 100);
		buf_char(out, ']');
	}
	if (n->kind != NODE_PARTIAL || n->body != NULL)
		write_part(n->body, out);
	if (n->other != NULL)
		write_part(n->other, out);
}

static void write_nodes(const struct node *n, struct buf *out)
{
	for (; n != NULL; n = n->next) {
		assert_null(n->spaces);
		if (n->kind == NODE_TEXT) {
			buf_char(out, '\'');
			str_escape(out, n->text, n->len, 1000);
			buf_char(out, '\'');
		} else if (n->kind == NODE_PRINT) {
			buf_str(out, n->raw ? "(&" : "(");
			write_expr(n->expr, out);
			buf_char(out, ')');
		} else {
			write_block(n, out);
		}
	}
}

struct row {
	const char *text, *want;
};

static void check(const struct row *rows, size_t n, enum template_level level)
{
	struct template_options o = { .level = level, .helpers = HELPERS, .n_helpers = ARRAY_LEN(HELPERS) };

	for (size_t i = 0; i < n; i++) {
		AUTO(template_free) struct template *t = NULL;
		AUTO(buf_release) struct buf out = BUF_INIT;
		struct error err = ERROR_INIT;
		const char *got = err.text;

		if (template_compile("t", rows[i].text, strlen(rows[i].text), &o, &t, &err) == 0) {
			write_nodes(t->nodes, &out);
			got = buf_cstr(&out);
		}
		if (!str_eq(got, rows[i].want))
			fail_msg("%s\n becomes: %s\n wanted:  %s", rows[i].text, got, rows[i].want);
	}
}

static void tags(void **state)
{
	static const struct row rows[] = {
		{ "{{a}}{{{b}}}{{& c}}{{~{d}~}}{{{~e~}}}", "(a)(&b)(&c)(&d)(&e)" },
		{ "a\\{{b}} {{c}}", "'a''{{b}} '(c)" },
		{ "a\\\\{{b}}", "'a\\\\'(b)" },
		{ "a\\\\\\{{b}}", "'a\\\\\\\\'(b)" },
		{ "\\{{a}}\\{{b}}\\\\{{c}}", "'{{a}}''{{b}}''\\\\'(c)" },
		{ "\\{{a", "'{{a'" },
		{ "a\\b \\ {", "'a\\\\b \\\\ {'" },
		{ "{{!}}{{!a}}b{{!--}}c{{!-- }} --~}} d{{~!--}}", "'b''c''d'" },
		{ "{{=<% %>=}}<%a%>{{b}}<%{c}%><%#d%>x<%/d%><%={{ }}=%>{{e}}", "(a)'{{b}}'(&c)#(d){'x'}(e)" },
		{ "{{= | | =}}|a| |!b||>c|", "(a)' '>\"c\"" },
		{ "{{={ }=}}{a}{#if b}\nc\n{else}\nd\n{/if}\n", "(a)if(b){'\\nc\\n'}{'d\\n'}" },
		{ "{{{{a}}}} {{b}} {{{{/a}}}}", "#(a){' {{b}} '}" },
		{ "{{{{if a}}}}{{{{b}}}}{{{{/b}}}}{{{{/if}}}}", "if(a){'{{{{b}}}}{{{{/b}}}}'}" },
		{ "{{{{h 1}}}}\n{{x\n{{{{/h}}}}\n", "?(h(1)){'{{x\\n'}" },
		{ "{{{{a}}}}{{{{/a}}}}", "#(a){}" },
		{ "{{a}}}", "(a)'}'" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows), TEMPLATE_LOCKSTEP);
}

static void names_and_literals(void **state)
{
	static const struct row rows[] = {
		{ "{{a.b/c}}{{this}}{{.}}{{./a}}{{this.a}}{{this/a}}", "(a.b.c)(!)(!)(!a)(!a)(!a)" },
		{ "{{..}}{{../a}}{{../../a.b}}{{../this}}{{.././a}}", "(!^1)(!^1a)(!^2a.b)(!^1)(!^1a)" },
		{ "{{@index}}{{@../index}}{{../@index}}{{@root.a}}{{@root}}", "(@index)(@^1index)(@^1index)(@root.a)(@root)" },
		{ "{{#if @partial-block}}x{{/if}}", "if(@partial-block){'x'}" },
		{ "{{[a b]}}{{a.[b c].d}}{{a.[b\\]c]}}{{[this]}}{{@root.[a b]}}", "(a b)(a.b c.d)(a.b]c)(this)(@root.a b)" },
		{ "{{a.0}}{{a.[1]}}{{a.01}}{{a.0.b}}{{a.-1}}", "(a.0#)(a.1#)(a.01)(a.0#.b)(a.-1)" },
		{ "{{\"a b\"}}{{'c.d'}}{{12}}{{true}}{{null}}", "(a b)(c.d)(12#)(true)(null)" },
		{ "{{a-b}}{{$a}}{{a:b}}{{\xc3\xa9}}{{a1?}}", "(a-b)($a)(a:b)(\xc3\xa9)(a1?)" },
		{ "{{ a\xc2\xa0}}{{\n\tb\n}}", "(a)(b)" },
		{ "{{h a 'b\\'c' \"d\\\"e\" '\\n' \"f\ng\"}}", "(h(a \"b'c\" \"d\\\"e\" \"\\\\n\" \"f\\ng\"))" },
		{ "{{h 0 -1 1.5 -0.25 2.0 007}}", "(h(0 -1 1.5 -0.25 2 7))" },
		{ "{{h true false null undefined this.true}}", "(h(true false null null !true))" },
		{ "{{h a=1 b = (h 'x') [c d]=e.f true=g}}", "(h(a=1 b=h(\"x\") c d=e.f true=g))" },
		{ "{{h (lookup . 'a') (h (h))}}", "(h(lookup(! \"a\") h(h())))" },
		{ "{{h}}{{\"h\" 1}}{{this.h}}{{./h}}{{h.a}}{{#if h}}{{/if}}", "(h())(h(1))(!h)(!h)(h.a)if(h){}" },
		{ "{{if.a}}{{this.if}}{{elsewhere}}", "(if.a)(!if)(elsewhere)" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows), TEMPLATE_LOCKSTEP);
}

static void blocks(void **state)
{
	static const struct row rows[] = {
		{ "{{#a}}b{{/a}}{{^c}}d{{/c}}", "#(a){'b'}#(c){}{'d'}" },
		{ "{{#a}}b{{else}}c{{/a}}{{#a}}b{{^}}c{{/a}}{{^a}}b{{else}}c{{/a}}", "#(a){'b'}{'c'}#(a){'b'}{'c'}#(a){'c'}{'b'}" },
		{ "{{#if a includeZero=true}}b{{/if}}", "if(a includeZero=true){'b'}" },
		{ "{{^if a}}b{{/if}}{{^unless a}}b{{^}}c{{/unless}}{{^each a}}b{{/each}}",
			"if(a){}{'b'}unless(a){'c'}{'b'}each(a){}{'b'}" },
		{ "{{#h a}}b{{else}}c{{/h}}{{^h a}}b{{/h}}", "?(h(a)){'b'}{'c'}?(h(a)){}{'b'}" },
		{ "{{#if a}}1{{else if b}}2{{else each c}}3{{else h 1}}4{{else}}5{{/if}}",
			"if(a){'1'}{if(b){'2'}{each(c){'3'}{?(h(1)){'4'}{'5'}}}}" },
		{ "{{#a}}1{{ else b }}2{{/a}}", "#(a){'1'}{#(b){'2'}}" },
		{ "{{#a.b}}{{/a.b}}{{#../a}}{{/../a}}{{#'a b'}}{{/[a b]}}", "#(a.b){}#(!^1a){}#(a b){}" },
		{ "{{#with (lookup a 'b')}}{{/with}}", "with(lookup(a \"b\")){}" },
		{ "{{#if (h)}}a{{/if}}", "if(h()){'a'}" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows), TEMPLATE_LOCKSTEP);
}

static void names_of_blocks(void **state)
{
	static const struct row rows[] = {
		{ "{{#each a as |x i|}}{{x}}{{i}}{{x.b.[c]}}{{b}}{{/each}}", "each(a)|2{($0.0)($0.1)($0.0.b.c)(b)}" },
		{ "{{#with a as |x|}}{{#each x.b as |y|}}{{x}}{{y}}{{/each}}{{x}}{{y}}{{/with}}{{x}}",
			"with(a)|1{each($0.0.b)|1{($1.0)($0.0)}($0.0)(y)}(x)" },
		{ "{{#each a as |x|}}{{#if x}}{{#each x as |x|}}{{x}}{{/each}}{{/if}}{{/each}}",
			"each(a)|1{if($0.0){each($0.0)|1{($0.0)}}}" },
		{ "{{#each a as |x|}}{{this.x}}{{./x}}{{../x}}{{@root.x}}{{/each}}", "each(a)|1{(!x)(!x)(!^1x)(@root.x)}" },
		{ "{{#each a as |x|}}b{{else}}{{x}}{{/each}}", "each(a)|1{'b'}{(x)}" },
		{ "{{#if a}}b{{else with c as |x|}}{{x}}{{else}}{{x}}{{/if}}", "if(a){'b'}{with(c)|1{($0.0)}{(x)}}" },
		{ "{{#a as |x|}}{{#x}}{{/x}}{{/a}}", "#(a)|1{#($0.0){}}" },
		{ "{{#each a as |h|}}{{h}}{{h.b}}{{h2}}{{/each}}{{h}}", "each(a)|1{($0.0)($0.0.b)(h2)}(h())" },
		{ "{{#each a as |x|}}{{#> p x y=x}}{{x}}{{/p}}{{/each}}", "each(a)|1{>\"p\"($0.0 y=$0.0){($0.0)}}" },
		{ "{{#each a as |x|}}{{#*inline 'p'}}{{#with b as |y|}}{{y}}{{/with}}{{h x=1}}{{/inline}}{{/each}}",
			"each(a)|1{*\"p\"{with(b)|1{($0.0)}(h(x=1))}}" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows), TEMPLATE_LOCKSTEP);
}

static void partials(void **state)
{
	static const struct row rows[] = {
		{ "{{> a}}{{> a/b-c.d}}{{> 'a b'}}{{> [a b]}}{{> 12}}{{> @partial-block}}",
			">\"a\">\"a/b-c.d\">\"a b\">\"a b\">\"12\">\"@partial-block\"" },
		{ "{{> a b.c d='e' f=(h 1)}}{{>a k=v}}{{~> a .. ~}}", ">\"a\"(b.c d=\"e\" f=h(1))>\"a\"(k=v)>\"a\"(!^1)" },
		{ "{{> (lookup . 'a') b}}{{> (h)}}", ">lookup(! \"a\")(b)>h()" },
		{ "{{#> a b}}c{{d}}{{/a}}{{#> a}}{{/a}}{{#> a/b}}{{#> @partial-block}}x{{/@partial-block}}{{/a/b}}",
			">\"a\"(b){'c'(d)}>\"a\"{''}>\"a/b\"{>\"@partial-block\"{'x'}}" },
		{ "{{#*inline \"a\"}}b{{/inline}}{{#*inline c}}{{/inline}}", "*\"a\"{'b'}*c{}" },
		{ "a\n  {{> b}}\nc", "'a\\n'>\"b\"[  ]'c'" },
		{ "\t{{> b}} \r\n {{> c}}", ">\"b\"[\\t]>\"c\"[ ]" },
		{ "{{> a}}\n{{> b}}\nc {{> d}}\n", ">\"a\">\"b\"'c '>\"d\"'\\n'" },
		{ "{{#if a}}\n  {{> b}}\n  x {{/if}}", "if(a){>\"b\"[  ]'  x '}" },
		{ " {{#> a}} \n  b\n {{/a}} \nc", ">\"a\"{'  b\\n'}'c'" },
		{ "{{#> a}}\n{{/a}}\n", ">\"a\"{''}" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows), TEMPLATE_LOCKSTEP);
}

/* Each of these trees was compared with that of handlebars.js 4.7.7. */
static void white_space(void **state)
{
	static const struct row rows[] = {
		{ "a\n {{#b}} \nc\n {{/b}} \nd", "'a\\n'#(b){'c\\n'}'d'" },
		{ "{{#a}}\nb\n{{/a}}", "#(a){'b\\n'}" },
		{ "{{#a}}\nb{{/a}}\nc", "#(a){'b'}'\\nc'" },
		{ " x {{#a}}\nb\n{{/a}} y\n", "' x '#(a){'\\nb\\n'}' y\\n'" },
		{ "{{#a}}{{#b}}\nc\n{{/b}}\n{{/a}}\n", "#(a){#(b){'\\nc\\n'}}" },
		{ "{{#a}}\n{{#b}}\nc\n{{/b}}\n{{/a}}\n", "#(a){#(b){'c\\n'}}" },
		{ "{{#if a}}\n1\n{{else if b}}\n2\n  {{else}}\n3\n{{/if}}\n", "if(a){'1\\n'}{if(b){'2\\n'}{'3\\n'}}" },
		{ "{{#if a}}\n1\n{{else if b}}\n2\n  {{/if}}\n", "if(a){'1\\n'}{if(b){'2\\n  '}}" },
		{ "{{^a}}\nb\n{{else}}\nc\n{{/a}}\n", "#(a){'c\\n'}{'b\\n'}" },
		{ "{{#a}}b{{~else~}} c {{~/a~}} d", "#(a){'b'}{'c'}'d'" },
		{ "a {{~#b~}} c {{else}} d {{~/b~}} e", "'a'#(b){'c '}{' d'}'e'" },
		{ "{{^a~}} b {{~else~}} c {{~/a}}", "#(a){'c'}{'b'}" },
		{ "{{#if a~}} 1 {{~else if b~}} 2 {{~/if~}} x", "if(a){'1'}{if(b){'2'}}'x'" },
		{ "a\n{{! b }}\nc {{! d }}\n {{!-- e --}} \n{{! f}}", "'a\\n''c ''\\n'" },
		{ "a\n\n {{~b~}} \n\n c", "'a'(b)'c'" },
		{ "a\n {{b}} \nc\n{{{d}}}\n", "'a\\n '(b)' \\nc\\n'(&d)'\\n'" },
		{ "a\r\n{{#b}}\r\nc\r\n{{/b}}\r\nd", "'a\\x0d\\n'#(b){'c\\x0d\\n'}'d'" },
		{ "{{#*inline 'a'}}\nb\n{{/inline}}\nc", "*\"a\"{'b\\n'}'c'" },
		{ "\\{{a}}\n{{#b}}\nc\n{{/b}}\n", "'{{a}}\\n'#(b){'c\\n'}" },
		{ "{{=<% %>=}}\na\n <%={{ }}=%> \nb", "'a\\n''b'" },
		{ "\xc2\xa0{{#a}}\nb\n{{/a}}\n", "'\\xc2\\xa0'#(a){'b\\n'}" },
		{ "{{#a}}\n\n\nb\n\n{{/a}}\n\n", "#(a){'\\n\\nb\\n\\n'}'\\n'" },
		{ "a\n{{#b}}\n{{/b}}\n", "'a\\n'#(b){}" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows), TEMPLATE_LOCKSTEP);
}

static void baragon_level(void **state)
{
	static const struct row rows[] = {
		{ "a\n {{#b}} \nc\n {{else}}\n {{/b}} \nd", "'a\\n '#(b){' \\nc\\n '}{'\\n '}' \\nd'" },
		{ "a\n {{! b {{c}} d }} e\n{{> f}}\n", "'a\\n '' e\\n'>\"f\"'\\n'" },
		{ "{{!-- a }} b", "' b'" },
		{ "a {{~#b~}} c {{~^~}} d {{~/b~}} e", "'a'#(b){'c'}{'d'}'e'" },
		{ "{{^a}}b{{/a}}{{^if}}b{{else}}c{{/if}}", "unless(a){'b'}unless(if){'b'}{'c'}" },
		{ "{{^a}}b{{else if c}}d{{/a}}", "t:1:8: {{^...}} can have {{else}} alone" },
		{ "{{#if a}}b{{else if c}}d{{/if}}", "t:1:11: nothing may follow 'else' (there is no 'else if' at baragon level)" },
		{ "{{^a b}}c{{/a}}", "t:1:4: {{^name}} takes no parameters at baragon level" },
		{ "{{a.0}}{{a.[0]}}{{a.[b c]}}{{a.[b.c]}}", "(a.0)(a.0#)(a.b c)(a.[b.c])" },
		{ "{{../a}}{{..}}{{../this}}{{this.a.this}}{{@key}}", "(^1a)(!^1)(!^1)(!a.this)(@key)" },
		{ "{{h 'a\"' \"b'\" 'it\\'s' 2147483647 true null}}", "(h(\"a\\\"\" \"b'\" \"it's\" 2147483647 true null))" },
		{ "{{h 2147483648}}", "t:1:5: the number does not fit 32 bits" },
		{ "{{h 1.5}}", "t:1:5: '1.5' is no number, and a name cannot begin with a digit" },
		{ "{{h 'a\nb'}}", "t:1:5: the string that begins here has no end on its line" },
		{ "{{#partial 'a'}}b{{/partial}}{{#block \"a\"}}c{{/block}}{{{block 'a'}}}",
			"define(\"a\"){'b'}block(\"a\"){'c'}block(\"a\"){}" },
		{ "{{i18n 'a'}}", "t:1:3: could not find helper: 'i18n'" },
		{ "{{i18nJs}}", "t:1:3: could not find helper: 'i18nJs'" },
		{ "{{=<% %>=}}<%a%>", "(a)" },
		{ "{{#a}}{{else}}{{else}}{{/a}}", "t:1:15: block 'a' has two else parts" },
		{ "{{#a.b}}{{/a/b}}", "t:1:12: 'a/b' closes block 'a.b' of line 1" },
		{ "{{#each a as |x|}}{{/each}}", "t:1:14: unexpected '|' in a tag" },
		{ "\\{{a}} \\\\{{b}}", "'{{a}} \\\\\\\\'(b)" },
		{ "\\{{a}}\\{{b}} \\{{c}}x\\{{d}}\\{{{e}}}", "'{{a}}\\\\'(b)' ''{{c}}x\\\\'(d)'\\\\'(&e)" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows), TEMPLATE_BARAGON);
}

static void check_states(const struct template *t, const struct node *n, size_t *texts)
{
	for (; n != NULL; n = n->next) {
		check_states(t, n->body, texts);
		check_states(t, n->other, texts);
		if (n->kind != NODE_TEXT)
			continue;
		assert_non_null(n->states);
		for (unsigned from = 0; from < t->target->states; from++) {
			uint8_t state = (uint8_t)from;

			for (size_t i = 0; i < n->len; i++)
				state = t->target->next(state, (unsigned char)n->text[i]);
			assert_int_equal(n->states[from], state);
		}
		++*texts;
	}
}

/* What the evaluator needs not do again: the target's state behind each text. */
static void states_behind_texts(void **state)
{
	static const char text[] = "backend a\n# \"x\n  server '{{b}} \\ {{#if c}}\n  x \"a b{{else}} c'\n{{/if}}"
		"a long text without any value that goes on and on, over more than one line of it\n"
		"and then a \"quoted text without an end {{d}}";
	static const enum template_output outputs[] = { OUTPUT_TEXT, OUTPUT_HAPROXY, OUTPUT_HAPROXY_MAP, OUTPUT_NGINX,
		OUTPUT_HTML };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(outputs); i++) {
		AUTO(template_free) struct template *t = NULL;
		struct template_options o = { .output = outputs[i] };
		size_t texts = 0;

		assert_int_equal(template_compile("t", text, strlen(text), &o, &t, NULL), 0);
		assert_ptr_equal(t->target, target_of(outputs[i], TEMPLATE_LOCKSTEP));
		check_states(t, t->nodes, &texts);
		assert_int_equal(texts, 5);
	}
}

/* One id for each name, which is one text. */
static void check_ids(const struct expr *x, const char **names, unsigned n)
{
	for (size_t i = 0; x->kind == EXPR_PATH && i < x->u.path.n; i++) {
		const struct segment *seg = &x->u.path.segs[i];

		assert_true(seg->id < n);
		if (names[seg->id] != NULL)
			assert_ptr_equal(names[seg->id], seg->name);
		for (unsigned k = 0; k < n; k++)
			assert_true(k == seg->id || names[k] == NULL || !str_eq(names[k], seg->name));
		names[seg->id] = seg->name;
		assert_int_equal(seg->bits, value_key_bits(seg->name));
	}
}

static void names_are_numbered(void **state)
{
	static const char text[] = "{{a}}{{a.b}}{{#each a as |x|}}{{x.c.d}}{{/each}}{{'e'}}{{@root.f}}";
	AUTO(template_free) struct template *t = NULL;
	const char *names[32] = { NULL };

	(void)state;
	assert_int_equal(template_compile("t", text, strlen(text), NULL, &t, NULL), 0);
	assert_true(t->n_segments >= 8 && t->n_segments <= ARRAY_LEN(names)); /* a b x c d e root f */
	for (const struct node *n = t->nodes; n != NULL; n = n->next) {
		check_ids(n->expr, names, t->n_segments);
		if (n->body != NULL)
			check_ids(n->body->expr, names, t->n_segments);
	}
}

static void everything_may_be_mentioned(void **state)
{
	static const struct {
		const char *text;
		bool all, services;
	} rows[] = {
		{ "{{a.services}}{{#each b}}{{this}}{{@key}}{{/each}}", false, false },
		{ "{{services}}", false, true },
		{ "{{#each b}}{{../services.x}}{{/each}}", false, true },
		{ "{{h (h x=this.services)}}", false, true },
		{ "{{> p services=1}}{{h services=2}}", false, false },
		{ "{{#with a as |services|}}{{services}}{{/with}}", false, false },
		{ "{{this}}", true, false },
		{ "{{#if a}}{{h .}}{{/if}}", true, false },
		{ "{{#each b}}{{h ..}}{{/each}}", true, false },
		{ "{{#each b}}{{#each c}}{{h ..}}{{/each}}{{/each}}", false, false },
		{ "{{#each b}}{{lookup @root this}}{{/each}}", true, false },
		{ "{{#each b}}x{{else}}{{h this}}{{/each}}", true, false },
		{ "{{#each b}}{{#*inline 'p'}}{{h this}}{{/inline}}{{/each}}", true, false },
	};
	struct template_options o = { .helpers = HELPERS, .n_helpers = ARRAY_LEN(HELPERS) };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(template_free) struct template *t = NULL;
		bool services = false;

		assert_int_equal(template_compile("t", rows[i].text, strlen(rows[i].text), &o, &t, NULL), 0);
		for (size_t k = 0; k < t->n_mentions; k++)
			services = services || str_eq(t->mentions[k], "services");
		if (t->mentions_all != rows[i].all || services != rows[i].services)
			fail_msg("%s: all %d, services %d", rows[i].text, t->mentions_all, services);
	}
}

/* What nests is limited, and nothing is read twice for each of its bytes. */
static void depth_is_limited(void **state)
{
	static const struct row rows[] = {
		{ "{{#if a}}{{else if b}}{{else if c}}{{else if d}}{{/if}}", "t:1:36: nested deeper than 3" },
		{ "{{h (h (h (h (h))))}}", "t:1:14: nested deeper than 3" },
		{ "{{#> a}}{{#> b}}{{#*inline 'c'}}{{> d}}{{/inline}}{{/b}}{{/a}}", "t:1:33: nested deeper than 3" },
		{ "{{#if a}}{{#if b}}{{#if (h)}}{{/if}}{{/if}}{{/if}}", "t:1:25: nested deeper than 3" },
	};
	struct template_options o = { .helpers = HELPERS, .n_helpers = ARRAY_LEN(HELPERS), .max_depth = 3 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(template_free) struct template *t = NULL;
		struct error err = ERROR_INIT;
		int rc = template_compile("t", rows[i].text, strlen(rows[i].text), &o, &t, &err);

		assert_int_equal(rc, ERR_REFUSED);
		assert_string_equal(err.text, rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags),
		cmocka_unit_test(names_and_literals),
		cmocka_unit_test(blocks),
		cmocka_unit_test(names_of_blocks),
		cmocka_unit_test(partials),
		cmocka_unit_test(white_space),
		cmocka_unit_test(baragon_level),
		cmocka_unit_test(states_behind_texts),
		cmocka_unit_test(names_are_numbered),
		cmocka_unit_test(everything_may_be_mentioned),
		cmocka_unit_test(depth_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
