#!/usr/bin/env bash
# A framework in curl and jq: runs one command and ends as the command did.
#
#   ./framework.sh 127.0.0.1:5050 'echo hello'
#
# It subscribes with one POST whose answer never ends. Each event is one JSON
# object behind its length, which is counted in bytes.
set -euo pipefail
export LC_ALL=C

master=${1:-127.0.0.1:5050}
command=${2:-echo hello from the shell}
work=$(mktemp -d)
url="http://$master/api/v1/scheduler"
trap 'kill $curl 2>/dev/null || true; rm -rf "$work"' EXIT

# call JSON: makes a call in the name of the framework.
call() {
  curl -sS --fail-with-body -o /dev/null -X POST "$url" \
    -H 'Content-Type: application/json' -H "Mesos-Stream-Id: $stream" \
    -d "$(jq -c --arg id "$framework" '{framework_id: {value: $id}} + .' <<<"$1")"
}

mkfifo "$work/events"
curl -sSN -D "$work/headers" -X POST "$url" -H 'Content-Type: application/json' -d '{
  "type": "SUBSCRIBE",
  "subscribe": {"framework_info": {
    "user": "root", "name": "shell-example", "roles": ["*"],
    "capabilities": [{"type": "MULTI_ROLE"}, {"type": "RESERVATION_REFINEMENT"}]}}
}' >"$work/events" &
curl=$!

launched=
while read -r length && read -r -N "$length" event; do
  case $(jq -r .type <<<"$event") in
  SUBSCRIBED)
    framework=$(jq -r .subscribed.framework_id.value <<<"$event")
    stream=$(sed -n 's/^[Mm]esos-[Ss]tream-[Ii]d: *//p' "$work/headers" | tr -d '\r')
    echo "subscribed as $framework"
    ;;
  OFFERS)
    offer=$(jq -c '.offers.offers[0]' <<<"$event")
    if [ -n "$launched" ]; then
      call "$(jq -c '{type: "DECLINE", decline: {offer_ids: [.offers.offers[].id]}}' <<<"$event")"
      continue
    fi
    call "$(jq -c --arg command "$command" '{type: "ACCEPT", accept: {offer_ids: [.id], operations: [{type: "LAUNCH", launch: {task_infos: [{
      name: "shell", task_id: {value: "shell-1"}, agent_id: .agent_id, command: {value: $command},
      resources: [{name: "cpus", type: "SCALAR", scalar: {value: 0.1}}, {name: "mem", type: "SCALAR", scalar: {value: 32}}]}]}}]}}' <<<"$offer")"
    launched=yes
    ;;
  UPDATE)
    status=$(jq -c .update.status <<<"$event")
    jq -r '"\(.task_id.value): \(.state) \(.message // "")"' <<<"$status"
    if jq -e .uuid >/dev/null <<<"$status"; then
      call "$(jq -c '{type: "ACKNOWLEDGE", acknowledge: {agent_id, task_id, uuid}}' <<<"$status")"
    fi
    case $(jq -r .state <<<"$status") in
    TASK_STAGING | TASK_STARTING | TASK_RUNNING | TASK_KILLING) ;;
    TASK_FINISHED)
      call '{"type": "TEARDOWN"}'
      exit 0
      ;;
    *)
      call '{"type": "TEARDOWN"}'
      exit 1
      ;;
    esac
    ;;
  ERROR)
    jq -r .error.message <<<"$event" >&2
    exit 1
    ;;
  esac
done <"$work/events"
echo "the master closed the stream" >&2
exit 1
