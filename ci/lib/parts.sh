# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# For ci/test and ci/lint: a job is a list of parts, each named and timed, and ends with the first that fails.

# part NAME COMMAND...: prints the command's last lines where it succeeds, enough to find the mistake where it does not.
part() {
  local name=$1 log begin=$SECONDS status
  shift
  log=$PARTS_LOGS/${name//[^a-zA-Z0-9]/-}.log
  mkdir -p "$PARTS_LOGS"
  printf -- '--- %s\n' "$name"
  # Not `"$@" || status=$?`: that would let a function go on after its first failure.
  set +e
  (
    set -e
    "$@"
  ) </dev/null >"$log" 2>&1
  status=$?
  set -e
  if [[ $status -ne 0 ]]; then
    # Tests that passed, steps that were built: not what one looks for now.
    grep -vE '^ *([0-9]+/[0-9]+ Test .* Passed|Start +[0-9]+:|\[[0-9]+/[0-9]+\] (Building|Linking|BPF|Python)|-- )' "$log" | tail -n 200 || true
    printf -- 'FAILED: %s, exit status %d after %d s; all of it: %s\n' "$name" "$status" $((SECONDS - begin)) "$log" >&2
    exit 1
  fi
  grep -E '^(100% tests passed|Total Test time|[0-9]+ passed)|: ok' "$log" || true
  printf -- '    %d s\n' $((SECONDS - begin))
}
