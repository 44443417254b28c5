/*
 * words.c - the part of proc.h that splits a command line
 *
 * Layer: lib/base.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/os/proc.h"

#include "lib/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define COMMAND_MAX (32 * 1024)
#define WORDS_MAX 1024

void proc_words_free(char ***argv)
{
	if (*argv == NULL)
		return;
	for (size_t i = 0; (*argv)[i] != NULL; i++)
		free((*argv)[i]);
	free(*argv);
	*argv = NULL;
}

/* One word starting at *pos. Quotes may stand anywhere in it; "" is an empty word. */
static int next_word(const char *s, size_t *pos, struct buf *word, struct error *err)
{
	char quote = '\0';
	size_t i = *pos, opened = 0;

	for (; s[i] != '\0'; i++) {
		if (quote != '\0') {
			if (s[i] == quote)
				quote = '\0';
			else
				buf_char(word, s[i]);
		} else if (s[i] == '"' || s[i] == '\'') {
			quote = s[i];
			opened = i;
		} else if (strchr(" \t\r\n", s[i]) != NULL) {
			break;
		} else {
			buf_char(word, s[i]);
		}
	}
	if (quote != '\0')
		return error_set(err, ERR_INVALID, "command: the quote %c at character %zu is not closed",
			quote, opened + 1);
	*pos = i;
	return 0;
}

int proc_split(const char *command, char ***argv_out, struct error *err)
{
	AUTO(proc_words_free) char **argv = NULL;
	size_t n = 0, cap = 0, pos;
	int rc;

	if (strlen(command) > COMMAND_MAX)
		return error_set(err, ERR_INVALID, "command is longer than %d bytes", COMMAND_MAX);
	pos = strspn(command, " \t\r\n");
	while (command[pos] != '\0') {
		AUTO(buf_release) struct buf word = BUF_INIT;

		if (n == WORDS_MAX)
			return error_set(err, ERR_INVALID, "command has more than %d words", WORDS_MAX);
		rc = next_word(command, &pos, &word, err);
		if (rc != 0)
			return rc;
		GROW(argv, n + 1, cap);
		argv[n++] = buf_steal(&word, NULL);
		argv[n] = NULL;
		pos += strspn(command + pos, " \t\r\n");
	}
	if (n == 0)
		return error_set(err, ERR_INVALID, "command is empty");
	*argv_out = STEAL(argv);
	return 0;
}
