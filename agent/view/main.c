/*
 * main.c - lockstep-view: the private view as a program of its own
 *
 * A proof starts it, so it must start fast: no library that it does not need, linked statically where
 * that can be had.  `lockstep-agent view` does the same where this program is not installed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/view/view.h"

int main(int argc, char **argv)
{
	return view_main(argc, argv);
}
