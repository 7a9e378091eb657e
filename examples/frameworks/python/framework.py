#!/usr/bin/env python3
"""A framework in the standard library: runs a command a number of times.

    ./framework.py --master 127.0.0.1:5050 --tasks 5 --command 'echo hello'

It subscribes with one POST, reads events from the answer, launches tasks on
offers, acknowledges every status update, and ends when all tasks have ended:
with 0 if every one has finished, else with 1.
"""

import argparse
import http.client
import json
import sys


class Stream:
    """The events of a subscription: RecordIO, a length and a newline before each."""

    def __init__(self, response):
        self.response = response

    def __iter__(self):
        return self

    def __next__(self):
        length = self.response.readline().strip()
        if not length:
            raise StopIteration
        return json.loads(self.response.read(int(length)))


class Framework:
    def __init__(self, master, name, command, tasks, cpus, mem):
        self.master = master
        self.info = {
            "user": "root",
            "name": name,
            "roles": ["*"],
            "capabilities": [{"type": "MULTI_ROLE"}, {"type": "RESERVATION_REFINEMENT"}, {"type": "PARTITION_AWARE"}],
        }
        self.command = command
        self.waiting = [f"{name}-{i}" for i in range(tasks)]
        self.resources = {"cpus": cpus, "mem": mem}
        self.running = set()
        self.failed = []
        self.id = None
        self.stream_id = None

    def post(self, body, stream_id=None):
        """Makes one call. A master that does not lead says who does."""
        for _ in range(5):
            connection = http.client.HTTPConnection(self.master)
            headers = {"Content-Type": "application/json", "Accept": "application/json"}
            if stream_id:
                headers["Mesos-Stream-Id"] = stream_id
            connection.request("POST", "/api/v1/scheduler", json.dumps(body), headers)
            response = connection.getresponse()
            if response.status != 307:
                break
            self.master = response.headers["Location"].removeprefix("//").split("/")[0]
        if response.status not in (200, 202):
            raise RuntimeError(f"{body['type']}: {response.status} {response.read().decode()}")
        return response

    def call(self, kind, **members):
        self.post({"framework_id": {"value": self.id}, "type": kind, **members}, self.stream_id).read()

    def run(self):
        response = self.post({"type": "SUBSCRIBE", "subscribe": {"framework_info": self.info}})
        self.stream_id = response.headers["Mesos-Stream-Id"]
        for event in Stream(response):
            handler = getattr(self, "on_" + event["type"].lower(), None)
            if handler:
                handler(event.get(event["type"].lower()))
            if not self.waiting and not self.running:
                self.call("TEARDOWN")
                return not self.failed
        raise RuntimeError("the master closed the stream")

    def on_subscribed(self, subscribed):
        self.id = subscribed["framework_id"]["value"]
        print(f"subscribed as {self.id}", flush=True)

    def on_error(self, error):
        raise RuntimeError(error["message"])

    def on_offers(self, offers):
        for offer in offers["offers"]:
            tasks = self.fitting(offer)
            if not tasks:
                self.call("DECLINE", decline={"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 60}})
                continue
            self.running.update(task["task_id"]["value"] for task in tasks)
            self.call("ACCEPT", accept={
                "offer_ids": [offer["id"]],
                "operations": [{"type": "LAUNCH", "launch": {"task_infos": tasks}}],
            })

    def fitting(self, offer):
        """Takes as many waiting tasks as the offer has room for."""
        free = {name: 0.0 for name in self.resources}
        for resource in offer["resources"]:
            if resource["name"] in free and not resource.get("reservations"):
                free[resource["name"]] += resource["scalar"]["value"]
        tasks = []
        while self.waiting and all(free[name] >= amount for name, amount in self.resources.items()):
            for name, amount in self.resources.items():
                free[name] -= amount
            task_id = self.waiting.pop(0)
            tasks.append({
                "name": task_id,
                "task_id": {"value": task_id},
                "agent_id": offer["agent_id"],
                "command": {"value": self.command},
                "resources": [
                    {"name": name, "type": "SCALAR", "scalar": {"value": amount}}
                    for name, amount in self.resources.items()
                ],
            })
        return tasks

    def on_update(self, update):
        status = update["status"]
        task_id, state = status["task_id"]["value"], status["state"]
        print(f"{task_id}: {state} {status.get('message', '')}".rstrip(), flush=True)
        if "uuid" in status:
            self.call("ACKNOWLEDGE", acknowledge={
                "agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"],
            })
        if state in ("TASK_STARTING", "TASK_RUNNING", "TASK_KILLING", "TASK_STAGING", "TASK_UNREACHABLE"):
            return
        self.running.discard(task_id)
        if state != "TASK_FINISHED":
            self.failed.append(task_id)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--master", default="127.0.0.1:5050", help="host:port of a master")
    parser.add_argument("--name", default="python-example")
    parser.add_argument("--command", default="echo hello from python")
    parser.add_argument("--tasks", type=int, default=3)
    parser.add_argument("--cpus", type=float, default=0.1)
    parser.add_argument("--mem", type=float, default=32)
    arguments = parser.parse_args()
    framework = Framework(arguments.master, arguments.name, arguments.command, arguments.tasks, arguments.cpus, arguments.mem)
    try:
        sys.exit(0 if framework.run() else 1)
    except (RuntimeError, OSError) as error:
        sys.exit(f"framework.py: {error}")


if __name__ == "__main__":
    main()
