/*
 * activate_test.c - making live and confirming, with a real HAProxy in master-worker mode
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/haproxy/master.h"
#include "agent/haproxy/runtime.h"
#include "lib/os/clock.h"
#include "tests/unit/apply_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAIT_US 20000000

static struct fixture f;
static pid_t haproxy;
static char *master, *stats, *main_cfg, *marker_cfg, *services_dir;

static int free_port(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
	close(fd);
	return ntohs(sa.sin_port);
}

static int setup(void **state)
{
	AUTO(xfree_p) char *text = NULL;

	(void)state;
	umask(022);
	fixture_init(&f);
	master = xasprintf("%s/m.sock", f.dir);
	stats = xasprintf("%s/s.sock", f.dir);
	main_cfg = xasprintf("%s/main.cfg", f.dir);
	marker_cfg = xasprintf("%s/marker.cfg", f.root);
	services_dir = xasprintf("%s/svc", f.root);
	text = xasprintf("global\n    stats socket %s mode 600 level admin\ndefaults\n    mode http\n"
			 "    timeout connect 1s\n    timeout client 1s\n    timeout server 1s\n"
			 "frontend f\n    bind 127.0.0.1:%d\n",
		stats, free_port());
	fixture_put(&f, "main.cfg", text);
	f.opt.master_socket = master;
	f.opt.stats_socket = stats;
	f.opt.fingerprint_file = marker_cfg;
	f.opt.confirm_timeout_ms = 15000;
	return 0;
}

static void stop_haproxy(int signum)
{
	if (haproxy <= 0)
		return;
	kill(haproxy, signum);
	waitpid(haproxy, NULL, 0);
	haproxy = 0;
}

static int teardown(void **state)
{
	(void)state;
	stop_haproxy(SIGTERM);
	fixture_release(&f);
	xfree_p(&master);
	xfree_p(&stats);
	xfree_p(&main_cfg);
	xfree_p(&marker_cfg);
	xfree_p(&services_dir);
	return 0;
}

static int64_t worker_pid(void)
{
	struct answer_info info;
	struct error err = ERROR_INIT;

	if (runtime_info(stats, clock_mono_us() + WAIT_US, &info, &err) != 0)
		fail_msg("%s", err.text);
	return info.pid;
}

/* Ends with the test, whatever happens to that. */
static void start_haproxy(bool with_marker)
{
	const struct timespec pause = { 0, 10000000 };
	int64_t limit = clock_mono_us() + WAIT_US;
	struct answer_info info;

	haproxy = fork();
	assert_true(haproxy >= 0);
	if (haproxy == 0) {
		AUTO(xfree_p) char *log = xasprintf("%s/haproxy.log", f.dir);
		int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);

		prctl(PR_SET_PDEATHSIG, SIGTERM);
		dup2(fd, 1);
		dup2(fd, 2);
		execlp("haproxy", "haproxy", "-W", "-S", master, "-f", main_cfg, "-f", services_dir,
			with_marker ? "-f" : (char *)NULL, marker_cfg, (char *)NULL);
		_exit(127);
	}
	while (runtime_info(stats, clock_mono_us() + WAIT_US, &info, NULL) != 0) {
		assert_true(clock_mono_us() < limit);
		nanosleep(&pause, NULL);
	}
}

static struct report *converge(const char *upstream, const char *extra)
{
	struct work_item *w = work_item_new(WORK_CONVERGE);

	fixture_add(w, "a", upstream, extra);
	fixture_add(w, "b", "10.0.0.9:90", NULL);
	return fixture_run(&f, w);
}

/* Does it run this server for service a? */
static bool runs(const char *address, int port)
{
	struct arena *a = arena_new();
	struct answer_servers list = { NULL, 0 };
	bool found = false;

	assert_int_equal(runtime_servers(stats, clock_mono_us() + WAIT_US, a, &list, NULL), 0);
	for (size_t i = 0; i < list.n; i++)
		found = found || (str_eq(list.items[i].backend, "b_a") &&
					 str_eq(list.items[i].address, address) && list.items[i].port == port);
	arena_free(&a);
	return found;
}

/* Files first: HAProxy needs them to start; then it is found to run them. */
static void open_with_haproxy(bool with_marker)
{
	struct report *r;

	fixture_open(&f);
	r = converge("10.0.0.1:80", NULL);
	assert_false(r->ok);
	assert_true(r->haproxy_down && r->changed && r->undone);
	assert_non_null(strstr(r->error.text, "haproxy does not run"));
	report_free(&r);
	assert_text(&f, "svc/a.cfg", "backend b_a\n    server s_10.0.0.1_80 10.0.0.1:80\n");
	start_haproxy(with_marker);
}

static void test_reload_is_confirmed(void **state)
{
	struct report *r, *look;
	struct work_item *w;
	int64_t first, second;

	(void)state;
	open_with_haproxy(true);
	first = worker_pid();
	r = converge("10.0.0.1:80", NULL);
	assert_true(r->ok);
	assert_false(r->changed); /* it runs what the files say: nothing to do */
	assert_int_equal(strlen(r->fingerprint), 64);
	assert_int_equal(worker_pid(), first);
	look = fixture_do(&f, WORK_LOOK);
	assert_true(look->ok);
	assert_string_equal(look->fingerprint, r->fingerprint);
	report_free(&look);
	report_free(&r);
	r = converge("10.0.0.2:81", NULL);
	assert_true(r->ok && r->changed);
	assert_true(runs("10.0.0.2", 81));
	assert_false(runs("10.0.0.1", 80));
	second = worker_pid();
	assert_int_not_equal(first, second);
	report_free(&r);
	w = work_item_new(WORK_CONVERGE);
	w->force_reload = true;
	fixture_add(w, "a", "10.0.0.2:81", NULL);
	fixture_add(w, "b", "10.0.0.9:90", NULL);
	report_is_ok(fixture_run(&f, w));
	assert_int_not_equal(second, worker_pid());
}

/* No check command: HAProxy itself refuses. */
static void test_refused_reload_is_undone(void **state)
{
	AUTO(xfree_p) char *before = NULL;
	AUTO(xfree_p) char *after = NULL;
	struct report *r;

	(void)state;
	open_with_haproxy(true);
	report_is_ok(converge("10.0.0.1:80", NULL));
	before = fixture_tree(&f);
	r = converge("10.0.0.2:80", "bogus keyword");
	assert_false(r->ok);
	assert_true(r->changed && r->undone);
	assert_false(r->haproxy_down);
	assert_non_null(strstr(r->error.text, "refused to load"));
	report_free(&r);
	after = fixture_tree(&f);
	assert_string_equal(before, after);
	assert_true(runs("10.0.0.1", 80));
	report_is_ok(fixture_do(&f, WORK_LOOK));
	report_is_ok(converge("10.0.0.3:80", NULL));
	assert_true(runs("10.0.0.3", 80));
}

/* The check command is HAProxy's own, in the private view. */
static void test_real_check(void **state)
{
	AUTO(xfree_p) char *check = NULL;
	struct work_item *w;
	struct report *r;
	int64_t worker;

	(void)state;
	check = xasprintf("haproxy -c -f %s -f %s -f %s", main_cfg, services_dir, marker_cfg);
	f.opt.check_command = check;
	open_with_haproxy(true);
	worker = worker_pid();
	w = work_item_new(WORK_PREPARE);
	fixture_add(w, "a", "10.0.0.1:80", NULL);
	fixture_add(w, "b", "10.0.0.9:90", "bogus");
	r = fixture_run(&f, w);
	assert_false(r->ok);
	assert_non_null(strstr(r->detail, "unknown keyword 'bogus'"));
	assert_int_equal(r->n_blames, 1);
	assert_string_equal(r->blames[0].service_id, "b");
	report_free(&r);
	assert_text(&f, "svc/b.cfg", "backend b_b\n    server s_10.0.0.9_90 10.0.0.9:90\n");
	report_is_ok(converge("10.0.0.2:80", NULL));
	assert_int_not_equal(worker, worker_pid());
}

/* Something else was loaded by hand: the files are right, what runs is not. */
static void test_what_runs_is_compared(void **state)
{
	AUTO(xfree_p) char *ours = NULL;
	AUTO(buf_release) struct buf log = BUF_INIT;
	enum answer_reload answer;
	struct report *r;
	int64_t worker, limit = clock_mono_us() + WAIT_US;

	(void)state;
	open_with_haproxy(true);
	report_is_ok(converge("10.0.0.1:80", NULL));
	worker = worker_pid();
	ours = fixture_text(&f, "marker.cfg");
	fixture_put(&f, "root/marker.cfg", "global\n    set-var proc.lockstep str(other)\n");
	assert_int_equal(master_reload(master, limit, &answer, &log, NULL), 0);
	while (worker_pid() == worker)
		assert_true(clock_mono_us() < limit);
	fixture_put(&f, "root/marker.cfg", ours);
	r = fixture_do(&f, WORK_LOOK);
	assert_false(r->ok || r->haproxy_down);
	assert_non_null(strstr(r->error.text, "runs other"));
	report_free(&r);
	r = converge("10.0.0.1:80", NULL);
	assert_true(r->ok && r->changed);
	report_free(&r);
	report_is_ok(fixture_do(&f, WORK_LOOK));
}

static void test_marker_that_is_not_loaded(void **state)
{
	struct report *r;

	(void)state;
	open_with_haproxy(false);
	r = fixture_do(&f, WORK_PREPARE);
	assert_false(r->ok);
	assert_non_null(strstr(r->error.text, "add '-f "));
	assert_non_null(strstr(r->error.text, "/marker.cfg'"));
	report_free(&r);
	f.opt.confirm_timeout_ms = 1500;
	apply_free(&f.apply);
	fixture_open(&f);
	r = converge("10.0.0.2:80", NULL);
	assert_false(r->ok);
	assert_true(r->undone); /* back to what ran, which had no fingerprint either */
	assert_non_null(strstr(r->error.text, "add '-f "));
	report_free(&r);
	assert_true(runs("10.0.0.1", 80));
	assert_text(&f, "svc/a.cfg", "backend b_a\n    server s_10.0.0.1_80 10.0.0.1:80\n");
}

/* Without a fingerprint file: a new worker that holds the rendered servers. */
static void test_confirmed_by_servers(void **state)
{
	struct report *r;
	int64_t worker;

	(void)state;
	f.opt.fingerprint_file = NULL;
	open_with_haproxy(false);
	worker = worker_pid();
	r = converge("10.0.0.1:80", NULL); /* written while it was down: not known to be loaded */
	assert_true(r->ok);
	assert_string_equal(r->fingerprint, "");
	report_free(&r);
	assert_int_not_equal(worker, worker_pid());
	worker = worker_pid();
	report_is_ok(converge("10.0.0.1:80", NULL));
	assert_int_equal(worker, worker_pid());
	report_is_ok(converge("[2001:db8::5]:80", NULL));
	assert_true(runs("2001:db8::5", 80));
	r = converge("10.0.0.2:80", "bogus");
	assert_false(r->ok);
	assert_true(r->undone);
	report_free(&r);
	assert_true(runs("2001:db8::5", 80));
}

static void test_haproxy_dies(void **state)
{
	struct work_item *w;
	struct report *r;

	(void)state;
	open_with_haproxy(true);
	report_is_ok(converge("10.0.0.1:80", NULL));
	stop_haproxy(SIGKILL);
	r = fixture_do(&f, WORK_LOOK);
	assert_true(!r->ok && r->haproxy_down);
	report_free(&r);
	w = work_item_new(WORK_PREPARE);
	fixture_add(w, "a", "10.0.0.2:80", NULL);
	r = fixture_run(&f, w);
	assert_true(!r->ok && r->haproxy_down && r->undone);
	report_free(&r);
	assert_text(&f, "svc/a.cfg", "backend b_a\n    server s_10.0.0.1_80 10.0.0.1:80\n");
	start_haproxy(true);
	report_is_ok(fixture_do(&f, WORK_LOOK));
	assert_true(runs("10.0.0.1", 80));
}

int main(int argc, char **argv)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_reload_is_confirmed),
		CASE(test_refused_reload_is_undone),
		CASE(test_real_check),
		CASE(test_what_runs_is_compared),
		CASE(test_marker_that_is_not_loaded),
		CASE(test_confirmed_by_servers),
		CASE(test_haproxy_dies),
	};

	if (argc > 1 && str_eq(argv[1], "view"))
		return view_main(argc - 1, argv + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
