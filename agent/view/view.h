/*
 * view.h - run a command in a world where would-be files lie over the live ones
 *
 * The agent runs `lockstep-view --root DIR --stage DIR --hide FILE --work DIR -- COMMAND...`, a small program
 * beside its own, or itself as `lockstep-agent view ...` where that is missing.  That child
 * takes a mount namespace of its own (and, if it is not root, a user namespace in which it stays itself),
 * mounts an overlay over --root whose changes live in a tmpfs at --work, puts the staged files on top,
 * hides the names listed in --hide (one a line, relative) and runs the command in its place.  Nothing of
 * that is seen outside, and nothing is left when the command has ended.
 *
 * Where this cannot be had (containers without the right to mount; other mounts below --root seen
 * without being root), it exits with VIEW_EXIT_FAILED, and what it says begins with VIEW_PREFIX.
 *
 * Layer: agent/view.  Threads: view_main() is a process of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_VIEW_VIEW_H
#define AGENT_VIEW_VIEW_H

#define VIEW_PROGRAM "lockstep-view"
#define VIEW_EXIT_FAILED 125
#define VIEW_PREFIX "lockstep-view: "

/* argv[0] is not looked at; returns only an exit status. Without a command it makes the view and says 0. */
int view_main(int argc, char **argv);

#endif
