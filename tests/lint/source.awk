# source.awk - the checks of lint.sh that read C sources line by line
# usage: awk -f source.awk -v layers=layers.txt -v private="HEADERS" FILES
# SPDX-License-Identifier: Apache-2.0

function say(line, text)
{
	print file ":" line ": " text
}

function dirname(path)
{
	sub(/\/[^\/]*$/, "", path)
	return path
}

function basename(path)
{
	sub(/.*\//, "", path)
	return path
}

function read_layers(	line, cell, part, n, i)
{
	while ((getline line < layers) > 0) {
		if (line ~ /^#/ || line ~ /^[ \t]*$/)
			continue
		split(line, cell, /[ \t]*\|[ \t]*/)
		known[cell[1]] = 1
		n = split(cell[2], part, " ")
		for (i = 1; i <= n; i++)
			may[cell[1], part[i]] = 1
		n = split(cell[3], part, " ")
		for (i = 1; i <= n; i++) {
			header_ok[cell[1], part[i]] = 1
			third_party[part[i]] = 1
		}
	}
	close(layers)
}

BEGIN {
	read_layers()
	# Headers of libraries that no folder may include yet are foreign too.
	n = split("uv.h jansson.h yaml.h microhttpd.h zlib.h cmocka.h uthash.h utlist.h", part, " ")
	for (i = 1; i <= n; i++)
		third_party[part[i]] = 1
	n = split(private, part, " ")
	for (i = 1; i <= n; i++)
		is_private[part[i]] = 1
	n = split("strcpy strcat sprintf vsprintf gets strtok asctime ctime gmtime localtime atoi atol " \
		"popen system signal", part, " ")
	for (i = 1; i <= n; i++)
		banned[part[i]] = "use a bounded or reentrant one"
	banned["atoi"] = banned["atol"] = "str_to_i64 tells errors"
	banned["popen"] = banned["system"] = "proc_run needs no shell"
	banned["signal"] = "sigaction"
	banned["gmtime"] = "gmtime_r"
	banned["localtime"] = "localtime_r"
}

function end_of_file(	limit)
{
	if (file == "")
		return
	limit = file ~ /\.h$/ ? 200 : folder ~ /^tests/ ? 800 : 500
	if (lines > limit)
		say(limit + 1, lines " lines, at most " limit " (split the module)")
	if (!licensed)
		say(1, "no SPDX-License-Identifier in the head comment")
}

function start_of_file(	name, base)
{
	file = FILENAME
	folder = dirname(file)
	product = file ~ /^(lib|service|agent)\//
	licensed = in_comment = opened = includes = 0
	name = basename(file)
	base = name
	sub(/\.[ch]$/, "", base)
	own = folder "/" base ".h"
	if (product && !(folder in known)) {
		say(1, "folder '" folder "' is not in " layers)
		known[folder] = 1
	}
	if (name == "main.c")
		return
	if (base in home && home[base] != folder)
		say(1, "the name '" base "' is taken by " home[base] "/ (names are unique in the tree)")
	else
		home[base] = folder
}

function check_quoted(path,	from)
{
	if (path !~ /\//) {
		say(FNR, "'" path "': include by full path from the root")
		return
	}
	from = dirname(path)
	if (from != folder && (path ~ /_internal\.h$/ || (product && path in is_private)))
		say(FNR, "'" path "' is private to " from "/")
	if (!product || from == folder)
		return
	if (!((folder, from) in may))
		say(FNR, folder "/ may not include " from "/ (see " layers ")")
}

function check_angled(path)
{
	if (!product || (folder, path) in header_ok)
		return
	if (path in third_party || path ~ /^(openssl|curl|zookeeper|yaml|uv)\//)
		say(FNR, folder "/ may not include <" path "> (see " layers ")")
}

function check_include(line,	path)
{
	path = line
	sub(/^[ \t]*#[ \t]*include[ \t]*[<"]/, "", path)
	sub(/[>"].*/, "", path)
	includes++
	if (includes == 1 && product && file ~ /\.c$/ && path != own && (getline junk < own) >= 0)
		say(FNR, "a .c file includes its own header first")
	if (line ~ /</)
		check_angled(path)
	else
		check_quoted(path)
}

# The line without comments, strings and character constants.
function code(line,	at)
{
	if (in_comment) {
		at = index(line, "*/")
		if (at == 0)
			return ""
		line = substr(line, at + 2)
		in_comment = 0
	}
	if (line ~ /["']/) {
		gsub(/\\\\/, "", line)
		gsub(/\\["']/, "", line)
		gsub(/'"'/, "0", line)
		gsub(/"[^"]*"/, "\"\"", line)
		gsub(/'[^']*'/, "0", line)
	}
	while ((at = index(line, "/*")) > 0) {
		rest = substr(line, at + 2)
		line = substr(line, 1, at - 1)
		at = index(rest, "*/")
		if (at == 0) {
			in_comment = 1
			break
		}
		line = line " " substr(rest, at + 2)
	}
	sub(/\/\/.*/, "", line)
	return line
}

function check_banned(line,	name)
{
	while (match(line, /[A-Za-z_][A-Za-z0-9_]*[ \t]*\(/)) {
		name = substr(line, RSTART, RLENGTH)
		sub(/[ \t]*\($/, "", name)
		if (name in banned && substr(line, 1, RSTART - 1) !~ /(\.|->)$/ &&
		    (product || name !~ /^(signal|system|popen)$/))
			say(FNR, name "() is banned (" banned[name] ")")
		line = substr(line, RSTART + RLENGTH)
	}
}

FNR == 1 {
	end_of_file()
	start_of_file()
}

{
	lines = FNR
}

/SPDX-License-Identifier: Apache-2\.0/ && FNR < 40 {
	licensed = 1
}

/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
	check_include($0)
	next
}

/^{/ {
	opened = FNR
}

/^}/ {
	if (opened && FNR - opened - 1 > 80 && file ~ /\.c$/)
		say(opened, FNR - opened - 1 " lines in one function, at most 80 (split it)")
	opened = 0
}

in_comment || /\(/ || /\/\*/ {
	check_banned(code($0))
}

END {
	end_of_file()
}
