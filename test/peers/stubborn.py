"""A SIP server as people write them: answers OPTIONS over UDP, prints without flushing, does not know of SIGTERM.

    stubborn.py PORT [fork]

fork: two worker processes share the socket, as in a pre-forking server; the parent waits for them.
"""

import os
import signal
import socket
import sys

port = int(sys.argv[1])
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", port))


def serve():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("python serves", os.getpid(), "relay", os.environ["RTPPROXY_UDP_PORT"])
    while True:
        data, peer = sock.recvfrom(65536)
        lines = data.decode("utf-8", "replace").split("\r\n")
        sock.sendto("\r\n".join(["SIP/2.0 200 OK"] + lines[1:]).encode(), peer)


if sys.argv[2:] == ["fork"]:
    workers = []
    for _ in range(2):
        pid = os.fork()
        if pid == 0:
            serve()
        workers.append(pid)

    def stop(signum, frame):
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        for pid in workers:
            os.waitpid(pid, 0)
        print("python parent ended its workers")
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    while True:
        signal.pause()
serve()
