/*
 * zk_hosts.h - Java's connect string: host:port[,host:port...]
 *
 * Layer: lib/store, private to store_zk.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_STORE_ZK_HOSTS_H
#define LIB_STORE_ZK_HOSTS_H

#include "lib/base/buf.h"
#include "lib/base/error.h"

int zk_hosts_check(const char *quorum, struct error *err) MUST_CHECK;
/* All hosts are addresses: looking up will not block. */
bool zk_hosts_literal(const char *quorum);
/* Names become addresses, in the form the C client takes.  Hosts that cannot be found are left out;
 * false: none was found.  Blocks. */
bool zk_hosts_look_up(const char *quorum, struct buf *out);

#endif
