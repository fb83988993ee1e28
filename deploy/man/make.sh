#!/bin/sh
# make.sh PROGRAM TEMPLATE VERSION: prints a man page. In TEMPLATE, a line @OPTIONS@ becomes what PROGRAM --help says of its options,
# @VERBS@ what it says of each verb, and @VERSION@ the version.
set -eu
program="$1" template="$2" version="$3"

# What --help says: lines "  --option VALUE   words", as man's paragraphs with a hanging head.
options() {
  awk '
    function escaped(text) { gsub(/\\/, "\\e", text); gsub(/-/, "\\-", text); return text }
    match($0, /^  (-[A-Za-z], )?--[a-z-]+(, --[a-z-]+)?( [A-Z][^ ]*)?/) {
      head = substr($0, 3, RLENGTH - 2)
      words = substr($0, RLENGTH + 1)
      sub(/^ +/, "", words)
      printf ".TP\n.B %s\n\\&%s\n", escaped(head), escaped(words)
    }'
}

verbs() {
  "$program" --help | sed -nE 's/^  ([a-z][a-z-]*)  +.*/\1/p' | while read -r verb; do
    help="$("$program" "$verb" --help)"
    printf '.SS %s\n.B %s\n.PP\n' "$verb" "$(printf '%s\n' "$help" | sed -nE '1{s/^Usage: //;s/-/\\-/g;p}')"
    printf '%s\n' "$help" | sed -n 2p
    # What every verb takes stands in the section of options.
    printf '%s\n' "$help" | sed '/^  --admin /,$d' | options
  done
}

while IFS= read -r line; do
  case "$line" in
    @OPTIONS@) "$program" --help | options ;;
    @VERBS@) verbs ;;
    *) printf '%s\n' "$line" | sed "s/@VERSION@/$version/" ;;
  esac
done <"$template"
