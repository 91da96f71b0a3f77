#!/usr/bin/env python3
"""A chat endpoint on loopback that behaves and misbehaves, by the first part of the path: judge_server.py FOLDER
writes FOLDER/port, and a line for each request to FOLDER/log: the path, and the Authorization header."""
import http.server, itertools, json, pathlib, sys, time

folder = pathlib.Path(sys.argv[1])
turn, served = itertools.count(), itertools.count(1)


class Judge(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def send(self, status, body, length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(folder / "log", "a") as f:
            print(self.path, self.headers["Authorization"], file=f)
        question = body["messages"][0]["content"]
        if question.startswith("Rate"):
            text = question.rsplit("Text:\n", 1)[1]
            answer = "```json\n" + json.dumps({"anger": 1, "disgust": 2, "fear": 3, "joy": min(100, len(text)), "sadness": 5}) + "\n```"
        else:
            answer = "Yes." if "cats" in question.rsplit("Answer:\n", 1)[1] else "no"
        reply = json.dumps({"choices": [{"message": {"role": "assistant", "content": answer}}],
                            "usage": {"prompt_tokens": 100, "completion_tokens": 10}}).encode()
        mode = self.path.split("/")[1]
        n = next(turn) if mode == "flaky" else 0
        if mode == "flaky" and n % 6 != 5:      # each sort of failure before an answer
            [lambda: self.send(500, b"oops"), lambda: self.send(429, b"{}", Retry_After="1"),
             lambda: self.send(200, b'{"choices": [{"mess'), lambda: self.send(200, reply[:20], length=len(reply)),
             lambda: self.send(200, b'{"choices": []}')][n % 6]()
        elif mode == "outage" and (next(served) > 3 and not (folder / "healed").exists()):
            self.send(503, b"back in an hour")
        elif mode == "slow":
            time.sleep(3)
            self.send(200, reply)
        elif mode == "denied":
            self.send(401, b'{"error": "who are you?"}')
        elif mode == "picky" and "Rain" in question:
            self.send(400, b'{"error": "no"}')
        elif mode == "renamed":
            self.send(200, reply.replace(b"joy", b"Joy").replace(b"anger", b"ANGER"))
        elif mode == "partial" and question.startswith("Rate"):
            self.send(200, json.dumps({"choices": [{"message": {"content": '{"rating": 80, "joy": 80}'}}]}).encode())
        elif mode == "prose" or (mode == "unwilling" and "odd" in question):
            self.send(200, json.dumps({"choices": [{"message": {"content": "It is hard to say."}}]}).encode())
        else:
            self.send(200, reply)


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass                                    # the client hung up: some of them are meant to


server = Server(("127.0.0.1", 0), Judge)
(folder / "port.part").write_text(str(server.server_address[1]))
(folder / "port.part").rename(folder / "port")
server.serve_forever()
