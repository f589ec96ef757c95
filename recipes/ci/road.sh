#!/usr/bin/env bash
# The road in CI, in any CI: ./road.sh [STAGE…], all stages without one. It ends at the first command that does not pass,
# with nbprod's own exit code: 1 judged and not passed, 2 wrong usage or configuration, 3 something missing, 4 a bug of nbprod.
#
#   check     the module is the notebook's, both paths compute the same, the data keeps the contract; nothing is trained
#   train     one reproducible run; TRAIN_PARAMETERS="name value …" sets parameters of the notebook
#   gate      the validation notebooks; GITHUB_STEP_SUMMARY, where there is one, gets the verdict as Markdown
#   approve   a person's yes, where APPROVED_BY and REASON say whose and why; without them nobody has approved
#   release   frozen with its evidence, and every hash looked at again
#
# The store (.nbprod/) goes from stage to stage: between jobs of a workflow, as an artifact. What is changed in it on the way
# is found by the next stage.
set -euo pipefail
cd "$(dirname "$0")"
nbprod=${NBPROD:-nbprod}

check() {
  $nbprod extract --check && $nbprod inspect && $nbprod contract check && $nbprod parity
}

train() {
  local parameters=()
  # shellcheck disable=SC2086 # words are wanted: "name value name value"
  set -- ${TRAIN_PARAMETERS:-}
  while [ $# -ge 2 ]; do parameters+=(-p "$1" "$2"); shift 2; done
  $nbprod train ${parameters[@]+"${parameters[@]}"}
}

gate() {
  local code=0
  $nbprod gate || code=$?
  if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
    # The newest verdict, passed or not; a gate that could not judge has left none.
    for report in $(ls -1d .nbprod/gates/*/report.md 2>/dev/null | tail -n 1); do cat "$report" >> "$GITHUB_STEP_SUMMARY"; done
  fi
  return $code
}

approve() {
  if [ -z "${APPROVED_BY:-}" ]; then
    echo "nobody has approved: set APPROVED_BY and REASON"
    return 0
  fi
  $nbprod approve --by "$APPROVED_BY" --reason "${REASON:?why it is approved}"
}

release() {
  $nbprod release && $nbprod verify
}

[ $# -gt 0 ] || set -- check train gate approve release
for stage in "$@"; do
  case $stage in
    check | train | gate | approve | release)
      echo "── $stage"
      code=0
      "$stage" || code=$?
      [ $code = 0 ] || { echo "stopped at $stage, exit code $code" >&2; exit $code; }
      ;;
    *) echo "no stage '$stage': check, train, gate, approve, release" >&2; exit 2 ;;
  esac
done
