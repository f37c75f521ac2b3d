#!/bin/sh
# keep_words.sh OBJECT COMMAND...: compile, and keep what the compiler says beside the object, so that a later build,
# which compiles nothing anew, still has it.
object=$1
shift
"$@" 2>"$object.words"
status=$?
[ $status -eq 0 ] || cat "$object.words" >&2
grep -vE 'ptxas info|bytes stack frame|^$' "$object.words" >&2
exit $status
