"""The Messages API in front of llama.cpp, with a llama.cpp that follows a script."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from neuroworkflow_agent.models.local.app import LocalModel

RUN_CODE = "mcp__neuroworkflow__run_code"


class Llama:
    """Answers like llama.cpp's server; counts a token for four characters."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.read = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        match request.url.path:
            case "/apply-template":
                return httpx.Response(200, json={"prompt": "".join(m["content"] for m in body["messages"])})
            case "/tokenize":
                return httpx.Response(200, json={"tokens": [0] * (len(body["content"]) // 4)})
            case "/v1/chat/completions":
                self.asked.append(body)
                return httpx.Response(200, content=self._stream(self.answers.pop(0)))
            case _:
                self.asked.append(body)
                return httpx.Response(200, json={"passed": "on"}, headers={"x-internal": "1"})

    async def _stream(self, answer: str) -> Any:
        if answer == "FAIL":
            raise httpx.ReadError("gone")
        for start in range(0, len(answer), 3):
            self.read = start
            delta = {"choices": [{"delta": {"content": answer[start : start + 3]}}]}
            yield f"data: {json.dumps(delta)}\n\n".encode()
        yield b"data: [DONE]\n\n"


def client_of(llama: Llama, *, n_ctx: int = 4096, is_small: bool = True) -> httpx.AsyncClient:
    upstream = httpx.AsyncClient(transport=httpx.MockTransport(llama), base_url="http://llama")
    model = LocalModel(upstream, name="tiny", n_ctx=n_ctx, is_small=is_small)
    return httpx.AsyncClient(transport=httpx.ASGITransport(model.app()), base_url="http://local")


def body(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "model": "x",
        "max_tokens": 10,
        "tools": [{"name": RUN_CODE}],
        "messages": list(messages),
        **fields,
    }


def said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}]}


def ran(code: str) -> list[dict[str, Any]]:
    call = {"type": "tool_use", "id": "t", "name": RUN_CODE, "input": {"code": code}}
    return [
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "7"}]},
    ]


async def answer(llama: Llama, request: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    async with client_of(llama, **arguments) as client:
        response = await client.post("/v1/messages", json=request)
        assert response.status_code == 200, response.text
        message: dict[str, Any] = response.json()
        return message


async def test_block_becomes_a_tool_use_and_the_rest_is_never_written() -> None:
    llama = Llama("I look.\n```python\nx = 1\n```\n" + "no more " * 100)
    message = await answer(llama, body(said("user", "go")))
    text, call = message["content"]
    assert text["text"] == "I look.\n"
    assert (call["name"], call["input"]) == (RUN_CODE, {"code": "x = 1"})
    assert message["stop_reason"] == "tool_use"
    assert llama.read < 60


async def test_stream_is_the_apis() -> None:
    async with client_of(Llama("Hi\n```python\n1\n```")) as client:
        response = await client.post("/v1/messages", json=body(said("user", "go"), stream=True))
    kinds = [line.removeprefix("event: ") for line in response.text.splitlines() if line.startswith("event")]
    assert kinds == [
        "message_start",
        *["content_block_start", "content_block_delta", "content_block_stop"],
        *["content_block_start", "content_block_delta", "content_block_stop"],
        "message_delta",
        "message_stop",
    ]


async def test_same_code_again_is_asked_for_differently() -> None:
    llama = Llama("```python\nx\n```", "```python\nx + 1\n```")
    message = await answer(llama, body(said("user", "go"), *ran("x")))
    assert message["content"][0]["input"] == {"code": "x + 1"}
    assert [asked["temperature"] for asked in llama.asked] == [0.0, 0.7]


async def test_circles_end_in_words() -> None:
    llama = Llama("```python\nx\n```", "```python\nx\n```", "It is 7.")
    message = await answer(llama, body(said("user", "go"), *ran("x")))
    assert [block["text"] for block in message["content"]] == ["It is 7."]
    assert message["stop_reason"] == "end_turn"
    assert "without code" in llama.asked[-1]["messages"][-1]["content"]


async def test_when_no_words_come_the_output_speaks() -> None:
    llama = Llama(*["```python\nx\n```"] * 3)
    message = await answer(llama, body(said("user", "go"), *ran("x")))
    assert message["content"][0]["text"] == "The code ran. Its output:\n\n```text\n7\n```"


async def test_oldest_turns_give_way() -> None:
    llama = Llama("ok")
    old = [said("user", "old " * 1000), said("assistant", "sure")]
    await answer(llama, body(*old, said("user", "new")), n_ctx=1800)
    assert "old old" not in str(llama.asked)
    assert llama.asked[0]["messages"][-1]["content"] == "new"


async def test_request_longer_than_the_context_is_refused() -> None:
    async with client_of(Llama(), n_ctx=1200) as client:
        response = await client.post("/v1/messages", json=body(said("user", "word " * 1500)))
    assert response.status_code == 400
    assert "longer than the model's context of 1200 tokens" in response.json()["error"]["message"]


async def test_failure_in_the_middle_is_an_error_event() -> None:
    async with client_of(Llama("FAIL")) as client:
        response = await client.post("/v1/messages", json=body(said("user", "go"), stream=True))
    assert "event: error" in response.text


async def test_tokens_are_counted_and_the_model_is_listed() -> None:
    async with client_of(Llama()) as client:
        counted = await client.post("/v1/messages/count_tokens", json=body(said("user", "go")))
        assert counted.json()["input_tokens"] > 100
        assert (await client.get("/v1/models")).json()["data"][0]["id"] == "tiny"


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
async def test_larger_model_is_asked_as_it_is(path: str) -> None:
    llama = Llama()
    told = {"role": "system", "content": "machine"}
    async with client_of(llama, is_small=False) as client:
        request = body(said("user", "go"), told, system="rules", thinking={"type": "adaptive"})
        response = await client.post(path, json=request)
    assert response.json() == {"passed": "on"}
    assert "x-internal" not in response.headers
    (asked,) = llama.asked
    assert (asked["system"], [m["role"] for m in asked["messages"]]) == ("rules\n\nmachine", ["user"])
    assert "thinking" not in asked
