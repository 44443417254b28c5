/*
 * lifecycle.c - the life of a batch as a function: facts in, next step out
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/core/lifecycle.h"

enum condition { WHEN_INVALID, WHEN_CANCELLED_MANY, WHEN_CANCELLED, WHEN_REFUSED_MANY, WHEN_REFUSED, WHEN_LATE, WHEN_ALL_OK, WHEN_ELSE };

/* Rows are tried from the top: the first of the phase whose condition holds decides. */
static const struct row {
	enum phase phase;
	enum condition when;
	enum effect effect;
	const char *transition, *meaning;
} rows[] = {
	/* clang-format off */
	{ PHASE_PREPARING, WHEN_CANCELLED_MANY, EFFECT_SPLIT, "-",   "one of them was cancelled: the others fly without it" },
	{ PHASE_PREPARING, WHEN_CANCELLED,    EFFECT_RELEASE, "T6",  "cancelled before it was decided" },
	{ PHASE_PREPARING, WHEN_INVALID,      EFFECT_END,     "T1",  "a rule refuses it: nobody was asked" },
	{ PHASE_PREPARING, WHEN_REFUSED_MANY, EFFECT_SPLIT,   "-",   "somebody refused the sum: each request alone" },
	{ PHASE_PREPARING, WHEN_REFUSED,      EFFECT_RELEASE, "T1",  "a member refused: no host was touched" },
	{ PHASE_PREPARING, WHEN_LATE,         EFFECT_RELEASE, "T1",  "a member did not answer in time, registered or absent" },
	{ PHASE_PREPARING, WHEN_ALL_OK,       EFFECT_DECIDE,  "T2",  "every member holds a preparation of exactly this" },
	{ PHASE_PREPARING, WHEN_ELSE,         EFFECT_ASK,     "-",   "PREPARE to the members that owe an answer" },
	{ PHASE_FORWARD,   WHEN_CANCELLED,    EFFECT_TURN,    "T5'", "cancelled: the record follows the status" },
	{ PHASE_FORWARD,   WHEN_REFUSED,      EFFECT_TURN,    "T4",  "a member cannot apply it" },
	{ PHASE_FORWARD,   WHEN_LATE,         EFFECT_TURN,    "T4",  "a member has not confirmed in time" },
	{ PHASE_FORWARD,   WHEN_ALL_OK,       EFFECT_COMMIT,  "T3",  "every member of this instant has confirmed" },
	{ PHASE_FORWARD,   WHEN_ELSE,         EFFECT_ASK,     "-",   "APPLY to the members that have not confirmed" },
	{ PHASE_BACK,      WHEN_ALL_OK,       EFFECT_END,     "T6",  "every registered member is back on the old state" },
	{ PHASE_BACK,      WHEN_LATE,         EFFECT_END,     "T6'", "a registered member is not back in time: it is named" },
	{ PHASE_BACK,      WHEN_ELSE,         EFFECT_ASK,     "-",   "REVERT or CANCEL to the members that are not back" },
	{ PHASE_RELEASING, WHEN_ALL_OK,       EFFECT_END,     "T1",  "all preparations are dropped" },
	{ PHASE_RELEASING, WHEN_LATE,         EFFECT_END,     "T1",  "a second is enough: preparations expire by themselves" },
	{ PHASE_RELEASING, WHEN_ELSE,         EFFECT_ASK,     "-",   "RELEASE to the members that were asked" },
	/* clang-format on */
};

static bool holds(const struct lifecycle_facts *f, enum condition when)
{
	switch (when) {
	case WHEN_INVALID:
		return f->invalid;
	case WHEN_CANCELLED_MANY:
		return f->cancelled && f->many;
	case WHEN_CANCELLED:
		return f->cancelled;
	case WHEN_REFUSED_MANY:
		return f->tally == TALLY_REFUSED && f->many;
	case WHEN_REFUSED:
		return f->tally == TALLY_REFUSED;
	case WHEN_LATE:
		return f->late;
	case WHEN_ALL_OK:
		return f->tally == TALLY_ALL_OK;
	case WHEN_ELSE:
		return true;
	}
	return false;
}

enum effect lifecycle_next(const struct lifecycle_facts *facts)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].phase == facts->phase && holds(facts, rows[i].when))
			return rows[i].effect;
	ASSERT(!"every phase ends with WHEN_ELSE");
	return EFFECT_ASK;
}

const char *phase_name(enum phase p)
{
	static const char *const names[] = { "PREPARING", "FORWARD", "BACK", "RELEASING" };

	return names[p];
}

void lifecycle_print(struct buf *out)
{
	static const char *const whens[] = { "refused by a rule", "cancelled, more than one request", "cancelled", "refused, more than one request",
		"refused by a member", "deadline over", "all answers are there", "otherwise" };
	static const char *const effects[] = { "ask", "DECIDE", "COMMIT", "turn back", "release", "split", "END" };

	buf_str(out, "| phase | when | then | transition | meaning |\n|---|---|---|---|---|\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		buf_printf(out, "| %s | %s | %s | %s | %s |\n", phase_name(rows[i].phase), whens[rows[i].when],
			effects[rows[i].effect], rows[i].transition, rows[i].meaning);
}
