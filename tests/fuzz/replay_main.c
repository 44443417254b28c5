/*
 * replay_main.c - runs a fuzz target over every file of the given folders, with any compiler
 *
 * Usage: replay_NAME FOLDER...  Prints "fuzz-replay NAME: N passed"; a failing input ends the
 * program, and its name is the last line before.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/mem.h"

#define MAX_FILE ((size_t)4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* A target may have it: behind all seeds; not 0: they did not show what they are for. */
int fuzz_replay_end(void) __attribute__((weak));
extern const int fuzz_replaying;
const int fuzz_replaying = 1;

static void die(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	exit(1);
}

/* The bytes in memory of exactly their size: a sanitizer sees each step beyond. */
static void run_file(const char *path)
{
	FILE *f = fopen(path, "rbe");
	struct stat st;
	uint8_t *data;
	size_t n;

	if (f == NULL || fstat(fileno(f), &st) != 0)
		die(path);
	if ((size_t)st.st_size > MAX_FILE) {
		fprintf(stderr, "%s: larger than %zu bytes\n", path, MAX_FILE);
		exit(1);
	}
	n = (size_t)st.st_size;
	data = xmalloc(n);
	if (fread(data, 1, n, f) != n)
		die(path);
	fclose(f);
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(data, n);
	xfree_p(&data);
}

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static size_t run_folder(const char *folder)
{
	struct dirent **names;
	int n = scandir(folder, &names, visible, alphasort), i;

	if (n < 0)
		die(folder);
	for (i = 0; i < n; i++) {
		char *path = xasprintf("%s/%s", folder, names[i]->d_name);

		run_file(path);
		xfree_p(&path);
		free(names[i]);
	}
	free(names);
	return (size_t)n;
}

int main(int argc, char **argv)
{
	const char *name = strstr(argv[0], "replay_");
	size_t n = 0;
	int i;

	for (i = 1; i < argc; i++)
		n += run_folder(argv[i]);
	if (fuzz_replay_end != NULL && fuzz_replay_end() != 0)
		return 1;
	printf("fuzz-replay %s: %zu passed\n", name != NULL ? name + strlen("replay_") : argv[0],
		n);
	return n > 0 ? 0 : 1;
}
