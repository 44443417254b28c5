/*
 * answer_test.c - answers of HAProxy 2.6 and 3.x, as they came, and what is no answer
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/haproxy/answer.h"

#include "lib/base/str.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

static const char proc_26[] = "#<PID>          <type>          <reloads>       <uptime>        <version>      \n"
			      "9286            master          2 [failed: 1]   0d00h00m03s     2.6.12-1+deb12u4\n"
			      "# workers\n"
			      "9461            worker          1               0d00h00m02s     2.6.12-1+deb12u4\n"
			      "# old workers\n"
			      "9290            worker          2               0d00h00m09s     2.6.12-1+deb12u4\n"
			      "# programs\n\n";

static int proc_of(const char *text, struct answer_proc *p, struct error *err)
{
	return answer_proc(text, strlen(text), p, err);
}

static void test_proc(void **state)
{
	struct answer_proc p = { 0 };

	(void)state;
	assert_int_equal(proc_of(proc_26, &p, NULL), 0);
	assert_int_equal(p.master, 9286);
	assert_int_equal(p.reloads, 2);
	assert_int_equal(p.failed, 1);
	assert_int_equal(p.worker, 9461);
	assert_int_equal(p.old_workers, 1);
}

static void test_proc_serving_worker_listed_as_old(void **state)
{
	struct answer_proc p = { 0 };

	(void)state;
	assert_int_equal(proc_of("10 master 1 [failed: 1] 0d 3.2.0\n# workers\n# old workers\n"
				 "12 worker 2 0d 3.2.0\n14 worker 1 0d 3.2.0\n# programs\n-1 x\n",
				 &p, NULL),
		ERR_INVALID);
	assert_int_equal(proc_of("10 master 1 [failed: 1] 0d 3.2.0\n# workers\n# old workers\n"
				 "12 worker 2 0d 3.2.0\n14 worker 1 0d 3.2.0\n# programs\n"
				 "20 dataplane - 0d -\n",
				 &p, NULL),
		0);
	assert_int_equal(p.worker, 14);
	assert_int_equal(p.old_workers, 2);
}

static void test_proc_without_worker_or_master(void **state)
{
	struct answer_proc p = { 0 };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(proc_of("10 master 0 [failed: 0] 0d 2.6\n# workers\n# programs\n", &p, &err), 0);
	assert_int_equal(p.worker, 0);
	assert_int_equal(proc_of("", &p, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "no master"));
	assert_int_equal(proc_of("Unknown command: 'show proc'\n", &p, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "Unknown command"));
	assert_int_equal(proc_of("10 master 0 [failed: x] 0d\n", &p, &err), ERR_INVALID);
	assert_int_equal(p.master, 10); /* written on success only */
}

static void test_reload(void **state)
{
	enum answer_reload r = ANSWER_RELOAD_REFUSED;

	(void)state;
	assert_int_equal(answer_reload("", 0, &r, NULL), 0);
	assert_int_equal(r, ANSWER_RELOAD_STARTED);
	assert_int_equal(answer_reload("\n", 1, &r, NULL), 0);
	assert_int_equal(r, ANSWER_RELOAD_STARTED);
	assert_int_equal(answer_reload("Success=1\n", 10, &r, NULL), 0);
	assert_int_equal(r, ANSWER_RELOAD_DONE);
	assert_int_equal(answer_reload("Success=0\n--\n[ALERT] x\n", 23, &r, NULL), 0);
	assert_int_equal(r, ANSWER_RELOAD_REFUSED);
	assert_int_equal(answer_reload("Permission denied\n", 18, &r, NULL), ERR_INVALID);
}

static int info_of(const char *text, struct answer_info *i)
{
	return answer_info(text, strlen(text), i, NULL);
}

static void test_info(void **state)
{
	struct answer_info i;

	(void)state;
	assert_int_equal(info_of("Name: HAProxy\nVersion: 2.6.12\nPid: 77\nStopping: 0\n\n"
				 "proc.lockstep: type=str value=<abc123>\n\n",
				 &i),
		0);
	assert_int_equal(i.pid, 77);
	assert_false(i.stopping);
	assert_string_equal(i.marker, "abc123");
	assert_string_equal(i.version, "2.6.12");
	assert_int_equal(info_of("Pid: 8\r\nStopping: 1\r\n\nVariable not found.\n\n", &i), 0);
	assert_true(i.stopping);
	assert_string_equal(i.marker, "");
	assert_int_equal(info_of("Variable not found.\n", &i), ERR_INVALID);
	assert_int_equal(info_of("Pid: 8\nproc.lockstep: type=sint value=5\n", &i), ERR_INVALID);
	assert_int_equal(info_of("Pid: 8\nproc.lockstep: value=<", &i), ERR_INVALID);
}

static void test_servers(void **state)
{
	static const char text[] =
		"1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_fqdn srv_port new\n"
		"3 b 1 s1 127.0.0.1 2 - 9001 x\n3 b 2 s2 ::1 0 - 9002 x\n4 c 1 s1 10.0.0.1 2 host.example 80 x\n\n";
	struct arena *a = arena_new();
	struct answer_servers list;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(answer_servers(text, strlen(text), a, &list, NULL), 0);
	assert_int_equal(list.n, 3);
	assert_string_equal(list.items[1].backend, "b");
	assert_string_equal(list.items[1].name, "s2");
	assert_string_equal(list.items[1].address, "::1");
	assert_int_equal(list.items[1].port, 9002);
	assert_null(list.items[1].fqdn);
	assert_string_equal(list.items[2].fqdn, "host.example");
	assert_int_equal(answer_servers("2\n# x\n", 6, a, &list, &err), ERR_INVALID);
	assert_int_equal(answer_servers("1\n# be_name\n", 12, a, &list, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "columns"));
	assert_int_equal(answer_servers(text, strlen(text) - 12, a, &list, &err), ERR_INVALID);
	assert_int_equal(list.n, 3);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proc),
		cmocka_unit_test(test_proc_serving_worker_listed_as_old),
		cmocka_unit_test(test_proc_without_worker_or_master),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
