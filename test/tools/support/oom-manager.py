"""The part of a service manager that systemd-oomd asks which groups it is to watch: a varlink server, io.systemd.ManagedOOM."""
import json
import os
import socket
import sys

PATH = "/run/systemd/io.system.ManagedOOM"
os.makedirs("/run/systemd/oom", exist_ok=True)
server = socket.socket(socket.AF_UNIX)
server.bind(PATH)
server.listen(1)
connection, _ = server.accept()
request = json.loads(connection.recv(65536).rstrip(b"\0"))
assert request["method"] == "io.systemd.ManagedOOM.SubscribeManagedOOMCGroups", request
groups = [{"mode": "kill", "path": path, "property": kind} for path, kind in (word.split("=") for word in sys.argv[1:])]
connection.sendall(json.dumps({"parameters": {"cgroups": groups}, "continues": True}).encode() + b"\0")
connection.recv(1)
