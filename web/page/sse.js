// Reads Server-Sent Events out of a fetch response, as the HTML standard's "Interpreting an event
// stream" has it: lines end with CR, LF or CRLF, several data lines are one value, a line that
// starts with a colon is a comment, a byte order mark at the start is skipped.

/**
 * Yields {type, data, id} for every event of a response body, each as soon as the blank line that
 * ends it has come. Ends when the body ends; an event that is unfinished then is dropped. Throws
 * what reading the body throws. Leaving the loop cancels the body.
 *
 * @param {ReadableStream<Uint8Array>} body
 */
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader(); // skips the byte order mark
  let rest = ""; // the beginning of a line whose end has not come
  let afterCR = false; // an LF that comes now belongs to the CR before it
  let type = "", id = "", data = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (value === "") continue;
      const text = afterCR && value.startsWith("\n") ? value.slice(1) : value;
      afterCR = value.endsWith("\r");
      const lines = (rest + text).split(/\r\n|\r|\n/);
      rest = lines.pop();
      for (const line of lines) {
        if (line === "") {
          if (data.length > 0) yield { type: type || "message", data: data.join("\n"), id };
          type = "";
          data = [];
          continue;
        }
        const [field, content] = cut(line);
        if (field === "data") data.push(content);
        else if (field === "event") type = content;
        else if (field === "id" && !content.includes("\0")) id = content;
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // it has ended or failed: nothing is left to cancel
  }
}

// A comment's field name is empty, so nobody takes it.
function cut(line) {
  const colon = line.indexOf(":");
  if (colon < 0) return [line, ""];
  const content = line.slice(colon + 1);
  return [line.slice(0, colon), content.startsWith(" ") ? content.slice(1) : content];
}
