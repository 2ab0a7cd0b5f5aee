// fetch, reading a stream that fails more slowly than it arrives: one JSON line with what it has read, and
// how the read failed.
const response = await fetch(`${process.env.OPENAI_BASE_URL}/chat/completions`, {
  method: "POST",
  body: JSON.stringify({ model: "slowly", stream: true, messages: [{ role: "user", content: "Hello" }] }),
});
const reader = response.body.getReader();
const decoder = new TextDecoder();
const result = { text: "", error: "" };
try {
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    result.text += decoder.decode(value, { stream: true });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
} catch (e) {
  result.error = `${e.name}: ${e.message}`;
}
console.log(JSON.stringify(result));
