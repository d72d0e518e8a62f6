# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# define.awk: schema.sql and views.sql with the words in capitals put in. From "-- define NAME(what)" to "-- end" stands
# what NAME(...) becomes in the lines after it, on one line, each @ being the argument, or @1 the first and @2 the second of
# two. Parentheses in arguments are in pairs.

# The length of a parenthesis at the beginning of the text; comma: of what is in it up to the first comma.
function closed(text, comma,   i, depth, c)
{
	for (i = 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		depth += (c == "(") - (c == ")")
		if (!depth || (comma && depth == 1 && c == ","))
			return i
	}
	print FILENAME ": line " FNR ": a parenthesis that is not closed" > "/dev/stderr"
	exit 1
}

function replace(text, what, by,   at)
{
	while ((at = index(text, what)))
		text = substr(text, 1, at - 1) by substr(text, at + length(what))
	return text
}

# What stands for that word with that parenthesis.
function body(name, arguments,   text, first)
{
	text = defined[name]
	arguments = expand(substr(arguments, 2, length(arguments) - 2))
	if (!index(text, "@1"))
		return expand(replace(text, "@", arguments))
	first = closed("(" arguments ")", 1)
	text = replace(text, "@1", substr(arguments, 1, first - 2))
	return expand(replace(text, "@2", substr(arguments, first + 1)))
}

function expand(text,   done, name, size)
{
	while (match(text, /[A-Z][A-Z0-9_]*\(/)) {
		name = substr(text, RSTART, RLENGTH - 1)
		done = done substr(text, 1, RSTART - 1)
		text = substr(text, RSTART + RLENGTH - 1)
		if (!(name in defined) || done ~ /[a-zA-Z0-9_]$/) {
			done = done name
			continue
		}
		size = closed(text)
		done = done body(name, substr(text, 1, size))
		text = substr(text, size + 1)
	}
	return done text
}

/^-- define / {
	word = $3
	sub(/\(.*/, "", word)
	defined[word] = ""
	next
}

word && /^-- end$/ {
	word = ""
	next
}

word {
	sub(/^[ \t]+/, "")
	defined[word] = defined[word] (defined[word] == "" ? "" : " ") $0
	next
}

/^[ \t]*--/ {
	print
	next
}

{ print expand($0) }
