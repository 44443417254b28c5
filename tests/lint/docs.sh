#!/bin/sh
# What the pages of docs/ say about the tree is so: each `folder/file` in backquotes exists, and in each `file.c: name, name`
# the file has these names. A file may be given without its folder, as base names are unique.
# Prints "page:line: what is wrong"; nothing if all is well.
# usage: tests/lint/docs.sh FILE...   (in the top folder)
# SPDX-License-Identifier: Apache-2.0
[ $# -gt 0 ] || exit 0
LC_ALL=C
export LC_ALL
grep -noE '`[^`]+`' "$@" /dev/null | tr -d '`' | while IFS= read -r hit; do
	page=${hit%%:*} rest=${hit#*:}
	line=${rest%%:*} text=${rest#*:}
	case $text in
	*[\<\>\*{}\$\(\)]* | *NAME*) continue ;; # a pattern, not a name
	*.[ch]:\ * | *.py:\ * | *.sh:\ *)
		file=${text%%: *} names=${text#*: }
		case $file in
		*/*) [ -f "$file" ] || file= ;;
		*) file=$(find lib service agent tests demo -name "$file" | head -n 1) ;;
		esac
		if [ -z "$file" ]; then
			echo "$page:$line: '${text%%: *}' does not exist (name the file as it is now)"
			continue
		fi
		echo "$names" | tr -d ' ' | tr ',' '\n' | while read -r name; do
			grep -qw -- "$name" "$file" || echo "$page:$line: '$file' has no '$name' (name it as it is now)"
		done
		;;
	lib/* | service/* | agent/* | tests/* | docs/* | templates/* | config/* | demo/*)
		case $text in
		*\ *) continue ;;
		esac
		[ -e "$text" ] || echo "$page:$line: '$text' does not exist (name it as it is now)"
		;;
	esac
done
