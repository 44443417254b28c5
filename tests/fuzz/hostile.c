/*
 * hostile.c - bytes as a service that a hostile scheduler sends
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/fuzz/hostile.h"

#include <string.h>

#include "lib/base/str.h"

#define TEXT_MAX 20000
#define HOSTILE 0x80 /* a field's first byte: from here on any text */
#define WILD 0xf0    /* an option's: any value */

struct source {
	const uint8_t *p, *end;
	struct arena *arena;
	struct hostile *out;
};

static unsigned byte(struct source *in)
{
	return in->p < in->end ? *in->p++ : 0;
}

/* What has a meaning somewhere. */
static const char *const fragments[] = { "\n", "\r", "\t", "\x01", "\x02", "\x7f", "\"", "'", "\\", "#", " ", "$", "${HOME}",
	"{", "}", ";", "%", "%[src]", "%%", "\n    server evil 192.0.2.66:80\n", "if", "unless", "or", "||", "!", "-", "-f",
	"\xc3\xa9", "\xff\xfe", "\xc2\x85", "\xe2\x80\xa8", "/", "..", "../../x", ":", ",", "(", ")", "a", "x y", "default",
	"\v", "\f", "backend evil", "\\x0a", "\\n", "<b>", "`id`", "location / {}", "; return 200 pwned", "~", "^~", "=", "@",
	"&", "?", "*", "[::1]:80", "192.0.2.1:80", "0", "-1", "true", "http-request deny", " if { always_true }", "r.example",
	"{{x}}", "&quot;", "\"; }", "\" if TRUE", "' ", ".", "[", "]", "|", "<", ">", "+", "^", "_", "service", "on" };

/* Pieces: 0 ends; below 0x40 so many bytes as they are; below 0xf0 a fragment; else the same again, and again. */
static const char *any_text(struct source *in, const char *field)
{
	struct buf text = BUF_LIMITED(TEXT_MAX);
	const char *copy;
	unsigned what;

	for (int pieces = 0; pieces < 8 && (what = byte(in)) != 0; pieces++) {
		if (what < 0x40) {
			for (unsigned c; what > 0 && (c = byte(in)) != 0; what--)
				buf_char(&text, (char)c);
		} else if (what < 0xf0) {
			buf_str(&text, fragments[what % ARRAY_LEN(fragments)]);
		} else {
			for (unsigned i = what & 7; i > 0 && text.len <= TEXT_MAX / 2; i--)
				buf_append(&text, arena_strndup(in->arena, buf_cstr(&text), text.len), text.len);
		}
	}
	copy = arena_strdup(in->arena, buf_cstr(&text));
	buf_release(&text);
	if (in->out->n_texts < HOSTILE_TEXTS_MAX)
		in->out->texts[in->out->n_texts++] = (struct hostile_text){ field, copy };
	return copy;
}

/* Any text, or the format with a small number. */
static const char *field(struct source *in, const char *name, const char *format)
{
	unsigned c = byte(in);

	if (c >= HOSTILE)
		return any_text(in, name);
	return arena_printf(in->arena, "%s%u", format, c & 15);
}

static void fields(struct source *in, const char *name, const char *format, struct strings *out)
{
	size_t n = byte(in) & 3;
	const char **items = arena_alloc(in->arena, (n + 1) * sizeof(*items));

	for (size_t i = 0; i < n; i++)
		items[i] = field(in, name, format);
	*out = (struct strings){ items, n };
}

/* ---- options ---- */

enum shape { SCALAR, TEXT, HEADERS, LIMIT, WEIGHTS, SHARES, GROUPS };

/* `good`: words it should be one of. The seeds of the corpus have the numbers of rows: add at the end. */
struct option {
	const char *name;
	enum shape shape;
	const char *good;
};
static const struct option options[] = {
	{ "balance", SCALAR, "roundrobin leastconn first random source uri url_param hdr static-rr" },
	{ "balanceParam", TEXT, "user X-User q" },
	{ "hashType", SCALAR, "consistent map-based" },
	{ "hashFunction", SCALAR, "sdbm djb2 wt6 crc32" },
	{ "hashBalanceFactor", SCALAR, "150 101" },
	{ "timeoutConnect", SCALAR, "5s 100ms 1000" },
	{ "timeoutServer", SCALAR, "30s 1m 250" },
	{ "timeoutQueue", SCALAR, "5s 10s" },
	{ "timeoutTunnel", SCALAR, "1h 1d" },
	{ "retries", SCALAR, "0 3" },
	{ "maintenance", SCALAR, "true false" },
	{ "maintenanceType", SCALAR, "text/plain text/html application/json" },
	{ "maintenancePage", TEXT, "later soon" },
	{ "rateLimit", LIMIT, "" },
	{ "requestHeaders", HEADERS, "" },
	{ "responseHeaders", HEADERS, "" },
	{ "cookie", TEXT, "SRV lb-1" },
	{ "cookieSecure", SCALAR, "true false" },
	{ "cookieSameSite", SCALAR, "Strict Lax None" },
	{ "cookieMaxIdle", SCALAR, "1h 30m" },
	{ "cookieMaxLife", SCALAR, "1d 8h" },
	{ "check", SCALAR, "true true false" },
	{ "checkPath", TEXT, "/up /health?a=b%20" },
	{ "checkHost", TEXT, "up.example h" },
	{ "checkMethod", SCALAR, "GET HEAD OPTIONS" },
	{ "checkExpect", TEXT, "200 200-299,404" },
	{ "checkTimeout", SCALAR, "1s 2s" },
	{ "checkInter", SCALAR, "2s 500ms 3000" },
	{ "checkRise", SCALAR, "1 2" },
	{ "checkFall", SCALAR, "2 3" },
	{ "checkPort", SCALAR, "8080 81" },
	{ "weights", WEIGHTS, "" },
	{ "groupWeights", SHARES, "" },
	{ "backupGroups", GROUPS, "" },
	{ "preferSameRack", SCALAR, "true false" },
	{ "maxconn", SCALAR, "100 0" },
	{ "maxqueue", SCALAR, "10 0" },
	{ "slowstart", SCALAR, "10s 1m" },
	{ "ssl", SCALAR, "true true false" },
	{ "sslVerify", SCALAR, "false true" },
	{ "sslCa", TEXT, "own.pem ca.crt" },
	{ "sslSni", TEXT, "in.example a.b" },
	{ "webSocket", SCALAR, "true false" },
	{ "maxFails", SCALAR, "1 3" },
	{ "failTimeout", SCALAR, "10s 1m" },
	{ "keepalive", SCALAR, "16 32" },
	{ "text", TEXT, "words \"quoted\"" },
	{ "list", GROUPS, "" },
};

static const struct value *good_word(struct source *in, const struct option *o, unsigned c)
{
	const char *word = o->good;
	unsigned spaces = 0, skip;
	size_t n;
	int64_t number;
	char *copy;

	for (const char *p = o->good; *p != '\0'; p++)
		spaces += *p == ' ';
	for (skip = c % (spaces + 1); skip > 0; skip--)
		word = strchr(word, ' ') + 1;
	n = strcspn(word, " ");
	copy = arena_strndup(in->arena, word, n);
	if (strcmp(copy, "true") == 0 || strcmp(copy, "false") == 0)
		return value_bool(copy[0] == 't');
	if ((c & 0x40) != 0 && str_to_i64(copy, INT64_MIN, INT64_MAX, &number))
		return value_int(in->arena, number);
	return value_text(in->arena, copy);
}

static const struct value *any_value(struct source *in, const char *name, int depth)
{
	unsigned c = byte(in), n = c >> 3 & 3;
	struct value *v;

	switch (depth > 0 ? c & 7 : c & 3) {
	case 0: return value_null();
	case 1: return value_bool((c & 8) != 0);
	case 2: return value_int(in->arena, (int64_t)byte(in) - 100);
	case 3: return value_text(in->arena, any_text(in, name));
	case 4: return value_real(in->arena, byte(in) / 8.0);
	case 5:
		v = value_list(in->arena);
		while (n-- > 0)
			value_list_add(in->arena, v, any_value(in, name, depth - 1));
		return v;
	default:
		v = value_map(in->arena);
		while (n-- > 0) {
			const char *key = any_text(in, name);

			value_map_put(in->arena, v, key, any_value(in, name, depth - 1));
		}
		return v;
	}
}

/* A text for a place in the options. */
static const struct value *text_value(struct source *in, const char *name)
{
	return value_text(in->arena, field(in, name, "v"));
}

static const struct value *header_values(struct source *in, const char *key_field, const char *text_field)
{
	struct value *v = value_map(in->arena);

	for (unsigned n = byte(in) & 3; n > 0; n--) {
		const char *key = field(in, key_field, "X-H");

		value_map_put(in->arena, v, key, text_value(in, text_field));
	}
	return v;
}

static const struct value *texts(struct source *in, const char *name, const char *format)
{
	struct value *v = value_list(in->arena);

	for (unsigned n = byte(in) & 3; n > 0; n--)
		value_list_add(in->arena, v, value_text(in->arena, field(in, name, format)));
	return v;
}

static const struct value *headers(struct source *in)
{
	struct value *v = value_map(in->arena);
	unsigned which = byte(in);

	if ((which & 1) != 0)
		value_map_put(in->arena, v, "set", header_values(in, "headers.set name", "headers.set"));
	if ((which & 2) != 0)
		value_map_put(in->arena, v, "add", header_values(in, "headers.add name", "headers.add"));
	if ((which & 4) != 0)
		value_map_put(in->arena, v, "del", texts(in, "headers.del", "X-D"));
	if ((which & 8) != 0)
		value_map_put(in->arena, v, any_text(in, "headers key"), value_null());
	return v;
}

static const struct value *limit(struct source *in)
{
	struct value *v = value_map(in->arena);
	unsigned which = byte(in);

	value_map_put(in->arena, v, "requests", value_int(in->arena, 1 + (which >> 4)));
	if ((which & 1) != 0)
		value_map_put(in->arena, v, "period", value_text(in->arena, (which & 8) != 0 ? "1s" : "1m"));
	if ((which & 2) != 0)
		value_map_put(in->arena, v, "header", value_text(in->arena, field(in, "rateLimit.header", "X-L")));
	if ((which & 4) != 0)
		value_map_put(in->arena, v, "size", value_int(in->arena, 1000));
	return v;
}

static const struct value *numbers(struct source *in, const char *name, const char *first)
{
	struct value *v = value_map(in->arena);
	unsigned n = byte(in) & 3;

	if (first != NULL)
		value_map_put(in->arena, v, first, value_int(in->arena, byte(in) % 101));
	for (; n > 0; n--) {
		const char *key = field(in, name, name[0] == 'w' ? "10.0.0.1:800" : "g");

		value_map_put(in->arena, v, key, value_int(in->arena, byte(in) % 51));
	}
	return v;
}

static const struct value *option_value(struct source *in, const struct option *o)
{
	const struct upstreams *us = &in->out->state.upstreams;
	unsigned c = byte(in);

	if (c >= WILD)
		return any_value(in, o->name, 3);
	switch (o->shape) {
	case SCALAR:
		break;
	case TEXT:
		if (c >= HOSTILE)
			return value_text(in->arena, any_text(in, o->name));
		break;
	case HEADERS: return headers(in);
	case LIMIT: return limit(in);
	case WEIGHTS: return numbers(in, "weights", us->n > 0 ? us->items[0].address : NULL);
	case SHARES: return numbers(in, "groupWeights", us->n > 0 ? us->items[us->n - 1].group : NULL);
	case GROUPS: return texts(in, o->name, "g");
	}
	return good_word(in, o, c);
}

static const struct value *all_options(struct source *in)
{
	struct value *v = value_map(in->arena);

	for (int i = 0; i < 24 && in->p < in->end; i++) {
		unsigned which = byte(in);

		if (which >= WILD) {
			const char *key = any_text(in, "option name");

			value_map_put(in->arena, v, key, any_value(in, "option", 2));
		} else {
			const struct option *o = &options[which % ARRAY_LEN(options)];

			value_map_put(in->arena, v, o->name, option_value(in, o));
		}
	}
	return v;
}

/* ---- the service ---- */

static const char *address(struct source *in)
{
	unsigned c = byte(in);

	if (c >= HOSTILE)
		return any_text(in, "upstream");
	if ((c & 0x60) == 0x60)
		return arena_printf(in->arena, "[2001:db8::%x]:80%02u", c & 15, c & 15);
	return arena_printf(in->arena, "10.0.0.%u:800%u", c >> 4 & 3, c & 7);
}

static void upstreams(struct source *in, unsigned n, struct upstreams *out)
{
	*out = (struct upstreams){ arena_alloc(in->arena, (n + 1) * sizeof(*out->items)), n };
	for (unsigned i = 0; i < n; i++) {
		struct upstream *u = &out->items[i];
		unsigned which = byte(in);

		u->address = address(in);
		u->group = (which & 1) != 0 ? field(in, "group", "g") : "default";
		u->rack_id = (which & 2) != 0 ? field(in, "rack", "r") : (which & 4) != 0 ? "default" : NULL;
		u->request_id = (which & 8) != 0 ? field(in, "request", "q") : NULL;
		u->resolved = (which & 16) != 0 ? address(in) : NULL;
	}
}

static const char *template_name(struct source *in, unsigned c)
{
	static const char *const names[] = { NULL, NULL, NULL, "default", "", "plain", "plain" };

	return (c & 7) == 7 ? any_text(in, "template name") : names[c & 7];
}

void hostile_make(const uint8_t *data, size_t size, struct arena *a, struct hostile *out)
{
	static const char *group = "lb";
	struct source in = { data, data + size, a, out };
	struct service *s = &out->service;
	unsigned which;

	memset(out, 0, sizeof(*out));
	which = byte(&in);
	s->groups = (struct strings){ &group, 1 };
	s->id = field(&in, "id", (which & 0x40) != 0 ? "z" : (which & 0x80) != 0 ? "c-" : "A_");
	s->base_path = (which & 0x20) != 0 ? "/" : field(&in, "path", "/p/");
	fields(&in, "path", "/more/", &s->additional_paths);
	fields(&in, "domain", "Host.Example:", &s->domains);
	fields(&in, "owner", "owner", &s->owners);
	s->template_name = template_name(&in, byte(&in));
	upstreams(&in, which & 7, &out->state.upstreams);
	s->options = (which & 8) != 0 && in.p >= in.end ? NULL : all_options(&in);
	out->state.service = s;
}
