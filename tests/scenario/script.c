/*
 * script.c - a scenario told as text
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/scenario/script.h"

#include "lib/base/str.h"
#include "lib/records/paths.h"
#include "lib/os/file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 32

struct words {
	char *text;
	char *w[WORDS_MAX];
	size_t n;
};

static void split(const char *line, struct words *out)
{
	char *p;

	*out = (struct words){ .text = xstrdup(line) };
	for (p = out->text; *p != '\0' && out->n < WORDS_MAX;) {
		while (isspace((unsigned char)*p))
			p++;
		if (*p == '\0' || *p == '#')
			break;
		if (*p == '"') {
			out->w[out->n++] = ++p;
			p += strcspn(p, "\"");
		} else {
			out->w[out->n++] = p;
			while (*p != '\0' && !isspace((unsigned char)*p))
				p++;
		}
		if (*p != '\0')
			*p++ = '\0';
	}
}

static const char *word(const struct words *ws, size_t i)
{
	return i < ws->n ? ws->w[i] : "";
}

/* 0, and a broken run, if it is none from 0 to max. */
static size_t number(struct world *w, const char *text, int64_t max)
{
	int64_t n = 0;

	if (!str_to_i64(text, 0, max, &n))
		world_break(w, "script: '%s' is no number from 0 to %lld", text, (long long)max);
	return (size_t)n;
}

static bool is(const struct words *ws, size_t i, const char *text)
{
	return strcmp(word(ws, i), text) == 0;
}

/* The word after `key`, from word `from` on; NULL if there is none. */
static const char *after(const struct words *ws, size_t from, const char *key)
{
	for (size_t i = from; i + 1 < ws->n; i++)
		if (strcmp(ws->w[i], key) == 0)
			return ws->w[i + 1];
	return NULL;
}

/* "30s", "250ms" */
static int64_t milliseconds(struct world *w, const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (strcmp(end, "s") == 0)
		return n * 1000;
	if (strcmp(end, "ms") == 0)
		return n;
	world_break(w, "script: '%s' is no time", text);
	return 0;
}

/* --- expectations ------------------------------------------------------------------------------------------------ */

static const char *state_of(const struct world_request *r)
{
	if (r->terminal >= 0)
		return public_state_names[internal_state_public((enum internal_state)r->terminal)];
	return r->cancelled ? "CANCELING" : "WAITING";
}

/* A request's terminal state is waited for; WAITING is looked at as it is. */
static void expect_request(struct world *w, const struct words *ws)
{
	struct world_request *r = world_request(w, word(ws, 1));
	const char *want = word(ws, 2), *within = after(ws, 3, "within"), *text = after(ws, 3, "contains"), *not = after(ws, 3, "without");
	int64_t ms = within != NULL ? milliseconds(w, within) : 5000;

	for (int64_t t = 0; t < ms && r->terminal < 0 && strcmp(want, "WAITING") != 0 && strcmp(want, "CANCELING") != 0; t += 100)
		if (!world_run(w, 100))
			return;
	if (strcmp(state_of(r), want) != 0)
		world_break(w, "expected %s %s, it is %s (%s)", r->id, want, state_of(r), r->message != NULL ? r->message : "-");
	if (text != NULL && (r->message == NULL || strstr(r->message, text) == NULL))
		world_break(w, "expected the message of %s to contain '%s', it is '%s'", r->id, text, r->message != NULL ? r->message : "");
	if (not != NULL && r->message != NULL && strstr(r->message, not) != NULL)
		world_break(w, "expected the message of %s without '%s', it is '%s'", r->id, not, r->message);
}

static void expect_agent(struct world *w, const struct words *ws)
{
	struct world_agent *a = world_agent(w, word(ws, 1));
	struct run *r;

	if (is(ws, 2, "untouched")) {
		if (a->host.publications != number(w, ws->n > 3 ? word(ws, 3) : "0", INT32_MAX))
			world_break(w, "expected %s to have been changed %s times, it was %u times", a->name, ws->n > 3 ? word(ws, 3) : "0",
				a->host.publications);
		return;
	}
	MAP_FIND(a->host.runs, word(ws, 3), r);
	if (is(ws, 4, "nothing") ? r != NULL : r == NULL || strcmp(r->addresses, word(ws, 4)) != 0)
		world_break(w, "expected %s to run %s of %s, it runs %s", a->name, word(ws, 4), word(ws, 3), r != NULL ? r->addresses : "nothing");
}

/* expect history s1 r5 r6: these entries, each with its mapping, and no others */
static void expect_history(struct world *w, const struct words *ws)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const char *const *names;
	size_t n = mem_server_children(w->server, path_history(a, word(ws, 2)), &names), mapped = 0;

	for (size_t i = 3; i < ws->n; i++) {
		if (mem_server_get(w->server, path_history_entry(a, word(ws, 2), word(ws, i))) == NULL)
			world_break(w, "expected %s in the history of %s", word(ws, i), word(ws, 2));
		mapped += mem_server_get(w->server, path_mapping(a, word(ws, i))) != NULL;
	}
	if (n != ws->n - 3 || mapped != n || mem_server_children(w->server, PATH_MAPPING, &names) != n)
		world_break(w, "expected %zu entries in the history of %s, there are %zu", ws->n - 3, word(ws, 2), n);
}

/* expect leader 1, expect leader none */
static void expect_leader(struct world *w, const struct words *ws)
{
	size_t want = is(ws, 2, "none") ? 0 : number(w, word(ws, 2), WORLD_SERVICES);

	for (size_t i = 0; i < WORLD_SERVICES; i++) {
		const struct world_service *s = &w->services[i];
		bool leads = s->alive && leader_leads(s->process.leader);

		if (leads != (i + 1 == want))
			world_break(w, "expected %s to %s", s->name, leads ? "be no leader" : "lead");
	}
}

static void expect(struct world *w, const struct words *ws)
{
	if (is(ws, 1, "leader"))
		expect_leader(w, ws);
	else if (is(ws, 1, "history"))
		expect_history(w, ws);
	else if (world_request(w, word(ws, 1)) != NULL)
		expect_request(w, ws);
	else if (world_agent(w, word(ws, 1)) != NULL)
		expect_agent(w, ws);
	else
		world_break(w, "script: expect what? '%s'", word(ws, 1));
}

/* --- statements ----------------------------------------------------------------------------------------------------- */

static void put_text(char **at, const char *text)
{
	free(*at);
	*at = text != NULL && text[0] != '\0' ? xstrdup(text) : NULL;
}

static bool agent_verb(struct world *w, struct world_agent *a, const struct words *ws)
{
	if (is(ws, 2, "refuses")) {
		put_text(&a->host.refuses, word(ws, 3));
		put_text(&a->host.refuses_service, after(ws, 4, "service"));
	} else if (is(ws, 2, "accepts")) {
		put_text(&a->host.refuses, NULL);
		put_text(&a->host.fails, NULL);
	} else if (is(ws, 2, "fails")) {
		put_text(&a->host.fails, word(ws, 3));
		a->host.fails_once = is(ws, 4, "once");
	} else if (is(ws, 2, "needs")) { /* agent a1 needs 2s: for each item; 0s as before */
		a->host.slow_us = LOOP_MS(milliseconds(w, word(ws, 3)));
	} else if (is(ws, 2, "dies")) {
		agent_kill(a);
	} else if (is(ws, 2, "starts")) {
		agent_start(a);
	} else if (is(ws, 2, "restarts")) {
		agent_kill(a);
		agent_start(a);
	} else if (is(ws, 2, "stops")) {
		agent_stop(a, false);
	} else if (is(ws, 2, "leaves")) {
		agent_stop(a, true);
	} else if (is(ws, 2, "freezes")) {
		agent_freeze(a, true);
	} else if (is(ws, 2, "thaws")) {
		agent_freeze(a, false);
	} else if (is(ws, 2, "expires") && a->alive) {
		store_mem_expire(a->process.store);
	} else if (is(ws, 2, "loses") && a->alive) { /* agent a1 loses connection 3s */
		store_mem_cut(a->process.store, LOOP_MS(milliseconds(w, word(ws, 4))));
	} else if (is(ws, 2, "lags") && a->alive) {
		store_mem_lag(a->process.store, LOOP_MS(milliseconds(w, word(ws, 3))));
	} else if (is(ws, 2, "joins")) { /* agent a3 joins group web: a new host */
		agent_start(a);
	} else if (is(ws, 2, "loses-disk")) { /* it comes back as a new machine */
		struct world_host *h = &a->host;
		unsigned publications = h->publications;

		host_clear(h);
		h->publications = publications;
	} else {
		return a->alive == false; /* a verb of a live agent, said of a dead one in a run with a fault */
	}
	return true;
}

static bool service_verb(struct world *w, struct world_service *s, const struct words *ws)
{
	if (is(ws, 2, "dies"))
		service_kill(s);
	else if (is(ws, 2, "starts"))
		service_start(s);
	else if (is(ws, 2, "restarts")) {
		service_kill(s);
		service_start(s);
	} else if (is(ws, 2, "expires") && s->alive)
		store_mem_expire(s->process.store);
	else if (is(ws, 2, "loses") && s->alive)
		store_mem_cut(s->process.store, LOOP_MS(milliseconds(w, word(ws, 4))));
	else
		return s->alive == false;
	return true;
}

static void client_verb(struct world *w, const struct words *ws)
{
	const char *service = after(ws, 3, "service"), *group = after(ws, 3, "group"), *path = after(ws, 3, "path");

	if (is(ws, 1, "cancels")) {
		world_cancel(w, word(ws, 2));
		return;
	}
	world_post(w, word(ws, 2), service != NULL ? service : "s1", group != NULL ? group : "web", after(ws, 3, "adds"),
		after(ws, 3, "removes"), path != NULL ? path : service != NULL && service[0] == 's' ? arena_printf(w->paths, "/%s", service) : "/s1",
		after(ws, 3, "action"));
}

static int name_index(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

/* when DECIDE then ACTION / when DECIDE loses its answer / when a1 gets APPLY then ACTION */
static void when_verb(struct world *w, const struct words *ws, const char *line)
{
	struct trigger *t = &w->triggers[w->n_triggers];
	const char *then = strstr(line, " then ");

	if (w->n_triggers == ARRAY_LEN(w->triggers))
		return;
	*t = (struct trigger){ .on = ON_TXN };
	if (is(ws, 2, "gets")) {
		t->on = ON_CALL;
		snprintf(t->name, sizeof(t->name), "%s", word(ws, 1));
		t->what = name_index(call_type_names, 5, word(ws, 3));
	} else {
		t->what = name_index(txn_names, TXN_TAKEOVER + 1, word(ws, 1));
		t->lose_answer = is(ws, 2, "loses");
	}
	if (t->what < 0 || (!t->lose_answer && then == NULL)) {
		world_break(w, "script: when what? '%s'", line);
		return;
	}
	t->action = then != NULL ? xstrdup(then + 6) : NULL;
	w->n_triggers++;
}

static void setting(struct world *w, const struct words *ws)
{
	int64_t ms = is(ws, 1, "history") ? 0 : milliseconds(w, word(ws, 2));

	if (is(ws, 1, "history"))
		w->history_max = number(w, word(ws, 2), 1000);
	else if (is(ws, 1, "grace"))
		w->grace_ms = ms;
	else if (is(ws, 1, "prepare"))
		w->prepare_ms = ms;
	else if (is(ws, 1, "apply"))
		w->apply_ms = ms;
	else if (is(ws, 1, "revert"))
		w->revert_ms = ms;
	else
		world_break(w, "script: no setting '%s'", word(ws, 1));
}

static bool cluster_verb(struct world *w, const struct words *ws)
{
	if (is(ws, 0, "services")) {
		for (size_t i = number(w, word(ws, 1), WORLD_SERVICES); i > 0; i--)
			world_add_service(w);
	} else if (is(ws, 0, "agents")) { /* agents a1 a2 in group web */
		const char *group = after(ws, 1, "group");

		for (size_t i = 1; i < ws->n && strcmp(ws->w[i], "in") != 0; i++)
			world_add_agent(w, ws->w[i], group != NULL ? group : "web");
	} else if (is(ws, 0, "java-agents")) {
		const char *group = after(ws, 1, "group");

		for (size_t i = 1; i < ws->n && strcmp(ws->w[i], "in") != 0; i++)
			world_add_java_agent(w, ws->w[i], group != NULL ? group : "web");
	} else if (is(ws, 0, "setting")) {
		setting(w, ws);
	} else if (is(ws, 0, "start")) {
		world_start(w);
	} else {
		return false;
	}
	return true;
}

void script_do(struct world *w, const char *line, bool expectations)
{
	struct words ws;
	bool ok = true;
	size_t i;

	split(line, &ws);
	if (ws.n == 0 || is(&ws, 0, "title") || cluster_verb(w, &ws)) {
		free(ws.text);
		return;
	}
	if (is(&ws, 0, "client"))
		client_verb(w, &ws);
	else if (is(&ws, 0, "agent") && world_agent(w, word(&ws, 1)) != NULL)
		ok = agent_verb(w, world_agent(w, word(&ws, 1)), &ws);
	else if (is(&ws, 0, "service"))
		ok = (i = number(w, word(&ws, 1), WORLD_SERVICES)) > 0 && service_verb(w, &w->services[i - 1], &ws);
	else if (is(&ws, 0, "operator") && is(&ws, 1, "drops")) /* operator drops r4 s1 */
		world_drop_entry(w, word(&ws, 3), word(&ws, 2));
	else if (is(&ws, 0, "operator"))
		world_remove_member(w, word(&ws, 2));
	else if (is(&ws, 0, "foreign")) /* foreign joins, foreign leaves */
		world_foreign(w, is(&ws, 1, "joins"));
	else if (is(&ws, 0, "time"))
		world_run(w, milliseconds(w, word(&ws, 2)));
	else if (is(&ws, 0, "settle"))
		world_settle(w, 300000);
	else if (is(&ws, 0, "when"))
		when_verb(w, &ws, line);
	else if (is(&ws, 0, "expect")) {
		if (expectations)
			expect(w, &ws);
		else
			world_run(w, 500); /* the story goes on at about the same pace */
	} else
		ok = false;
	if (!ok)
		world_break(w, "script: not understood: %s", line);
	free(ws.text);
}

static void act(struct world *w, const char *action)
{
	script_do(w, action, false);
}

bool script_run(const struct script *s, struct world *w, bool expectations)
{
	w->run_action = act;
	for (size_t i = 0; i < s->n && w->broken[0] == '\0'; i++) {
		world_say(w, "> %s", s->lines[i]);
		script_do(w, s->lines[i], expectations);
	}
	if (w->broken[0] != '\0')
		return false;
	for (size_t i = 0; i < w->n_triggers; i++)
		w->triggers[i].on = ON_NOTHING;
	world_run(w, 1); /* actions that are due */
	for (size_t i = 0; i < WORLD_AGENTS; i++) { /* faults stop: whoever can is well again */
		if (w->agents[i].used && w->agents[i].frozen)
			agent_freeze(&w->agents[i], false);
		if (w->agents[i].used && !expectations) {
			put_text(&w->agents[i].host.fails, NULL);
			put_text(&w->agents[i].host.refuses, NULL);
			w->agents[i].host.slow_us = 0;
		}
	}
	for (size_t i = 0; i < WORLD_SERVICES; i++)
		if (w->services[i].used)
			service_start(&w->services[i]);
	if (!world_settle(w, w->prepare_ms + w->apply_ms + w->revert_ms + 60000) && w->broken[0] == '\0')
		world_break(w, "L1: not at rest in time after the faults had stopped");
	check_quiet(w);
	return w->broken[0] == '\0';
}

int script_load(const char *path, struct script **s_out, struct error *err)
{
	struct buf text = BUF_INIT;
	struct script *s;
	int rc = file_read(path, 1u << 20, &text, err);
	char *p;

	if (rc != 0)
		return rc;
	s = xcalloc(1, sizeof(*s));
	s->path = xstrdup(path);
	s->text = buf_steal(&text, NULL);
	s->lines = xcalloc(4096, sizeof(char *));
	for (p = s->text; p != NULL && s->n < 4096;) {
		char *end = strchr(p, '\n');

		if (end != NULL)
			*end++ = '\0';
		if (strncmp(p, "title", 5) == 0)
			snprintf(s->title, sizeof(s->title), "%s", p + 6);
		else if (*p != '\0' && *p != '#')
			s->lines[s->n++] = p;
		p = end;
	}
	*s_out = s;
	return 0;
}

void script_free(struct script **sp)
{
	struct script *s = STEAL(*sp);

	if (s == NULL)
		return;
	free(s->path);
	free(s->text);
	free(s->lines);
	free(s);
}
