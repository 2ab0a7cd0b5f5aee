"""Two models for Penstock: /sentiment gives one whole result, /babble streams words."""
import json, random, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SCORES = {"good": 1, "great": 2, "love": 3, "sunny": 1, "bad": -1, "awful": -2, "hate": -3, "rainy": -1}

def sentiment(words):
    return {"score": sum(SCORES.get(word.lower(), 0) for word in words)}

def babble(words, count):  # each word is one that follows the word before it in the text
    word, dice = words[0], random.Random(1)
    for _ in range(count):
        yield {"text": word + " "}
        word = dice.choice([after for before, after in zip(words, words[1:]) if before == word] or words)
        time.sleep(0.1)

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        words = request.get("text", "").split()
        results = babble(words, int(request.get("count", 20))) if self.path == "/babble" else [sentiment(words)]
        if not words:
            results = [{"error": "there are no words in text"}]
        self.send_response(200 if words else 400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for line in (json.dumps(result) + "\n" for result in results):  # at once, not when all are there
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line.encode()))
            self.wfile.write(b"0\r\n\r\n")  # a response without this end has been cut
        except ConnectionError:
            self.log_message("canceled")

server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("http://%s:%d" % server.server_address, flush=True)
server.serve_forever()
