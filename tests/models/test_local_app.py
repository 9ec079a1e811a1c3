"""The Messages API in front of llama.cpp, with a llama.cpp that follows a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from neuroworkflow_agent.models.local import guide
from neuroworkflow_agent.models.local.app import LocalModel
from neuroworkflow_agent.models.local.code import with_imports
from neuroworkflow_agent.models.local.looking import first_look
from neuroworkflow_agent.models.local.plan import UNTOLD

RUN_CODE = "mcp__neuroworkflow__run_code"


class Llama:
    """Answers like llama.cpp's server; counts a token for four characters."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.read = 0
        self.reading_s = 0.0
        self.ahead: asyncio.Queue[str] = asyncio.Queue()
        """Prompts that were read without a question."""

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
            case "/completion":
                assert (body["n_predict"], body["cache_prompt"]) == (0, True)
                await self.ahead.put(body["prompt"])
                return httpx.Response(200, json={"content": ""})
            case _:
                self.asked.append(body)
                return httpx.Response(200, json={"passed": "on"}, headers={"x-internal": "1"})

    async def _stream(self, answer: str) -> Any:
        await asyncio.sleep(self.reading_s)
        if answer == "FAIL":
            raise httpx.ReadError("gone")
        for start in range(0, len(answer), 3):
            self.read = start
            delta = {"choices": [{"delta": {"content": answer[start : start + 3]}}]}
            yield f"data: {json.dumps(delta)}\n\n".encode()
        yield b"data: [DONE]\n\n"


@asynccontextmanager
async def client_of(
    llama: Llama, *, n_ctx: int = 4096, is_small: bool = True
) -> AsyncIterator[httpx.AsyncClient]:
    upstream = httpx.AsyncClient(transport=httpx.MockTransport(llama), base_url="http://llama")
    app = LocalModel(upstream, name="tiny", n_ctx=n_ctx, is_small=is_small).app()
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://local") as client:  # fmt: skip
        yield client


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


def ran(code: str, output: str = "7", *, is_error: bool = False) -> list[dict[str, Any]]:
    call = {"type": "tool_use", "id": "t", "name": RUN_CODE, "input": {"code": code}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": output, "is_error": is_error}
    return [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]


async def answer(llama: Llama, request: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    async with client_of(llama, **arguments) as client:
        response = await client.post("/v1/messages", json=request)
        assert response.status_code == 200, response.text
        message: dict[str, Any] = response.json()
        return message


async def test_data_is_answered_with_code_from_the_first_word() -> None:
    llama = Llama("x = 1\nprint(x)\n```\n" + "no more " * 100)
    message = await answer(llama, body(said("user", "how many?")))
    told, call = message["content"]
    assert told["text"] == UNTOLD
    assert (call["name"], call["input"]) == (RUN_CODE, {"code": "x = 1\nprint(x)"})
    assert message["stop_reason"] == "tool_use"
    assert llama.asked[0]["messages"][-1] == {"role": "assistant", "content": "```python\n"}
    assert llama.read < 60


async def test_what_code_is_going_to_compute_is_said_while_it_is_written_but_no_claim() -> None:
    llama = Llama("# the mean of x, then its spread\nx = (\n```", "# again\nx.mean()\n```")
    message = await answer(llama, body(said("user", "what is the mean?")))
    assert [block.get("text") for block in message["content"]] == [
        "The mean of x, then its spread.\n\n",
        None,
    ]
    assert message["content"][1]["input"] == {"code": "# again\nx.mean()"}
    cut = await answer(Llama("# all rates above 66.2 Hz\nx\n```"), body(said("user", "which are fast?")))
    assert cut["content"][0]["text"] == "All rates above …\n\n"
    for claim in ("# neuron 27 fires at 66.2 Hz\nx\n```", "x = 1  # the mean\nx\n```", "#\nx\n```"):
        message = await answer(Llama(claim), body(said("user", "which is fastest?")))
        assert [block.get("text") for block in message["content"]] == [UNTOLD, None]


async def test_long_reading_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guide, "QUIET_S", 0.01)
    llama = Llama("# the mean of x\nx.mean()\n```")
    llama.reading_s = 0.1
    told, call = (await answer(llama, body(said("user", "what is the mean?"))))["content"]
    assert told["text"] == f"{UNTOLD}The mean of x.\n\n"
    assert call["input"] == {"code": "# the mean of x\nx.mean()"}
    failed = Llama("FAIL")
    failed.reading_s = 0.1
    async with client_of(failed) as client:
        response = await client.post("/v1/messages", json=body(said("user", "the mean?"), stream=True))
    assert "I am writing code" in response.text
    assert "The local model failed: gone" in response.text


async def test_plan_that_repeats_the_question_ends_as_one() -> None:
    message = await answer(Llama("# what is the mean?\nx.mean()\n```"), body(said("user", "the mean?")))
    assert message["content"][0]["text"] == "What is the mean?\n\n"


async def test_error_that_is_to_be_repaired_is_told_before_the_model_is_asked() -> None:
    cells = "Cell [1]:\nrate = 2\n\nCell [2]:\nrat\nError: NameError: name 'rat' is not defined"
    context = f"<notebook-context-0a>\nWhat happened:\n\n{cells}\n</notebook-context-0a>"
    llama = Llama("# the name is rate\nrate\n```")
    asked = {"role": "user", "content": [{"type": "text", "text": each} for each in (context, "fix this")]}
    told, call = (await answer(llama, body(asked)))["content"]
    assert told["text"] == "The cell stopped with this error: `NameError: name 'rat' is not defined`. Nothing of that name exists here; there is `rate`.\n\n"  # fmt: skip
    assert call["input"]["code"].endswith("rate")
    assert llama.asked[0]["messages"][-1] == {"role": "assistant", "content": "```python\n"}


async def test_file_is_looked_into_before_the_model_is_asked_about_it() -> None:
    asked = body(said("user", "What is the mean rate in m3.csv?"))
    (look,) = (await answer(Llama(), asked))["content"]
    assert look["input"]["code"].endswith("print(pd.read_csv('m3.csv', nrows=3).to_string())")
    llama = Llama("print(pd.read_csv('m3.csv')['rate'].mean())\n```")
    asked["messages"] += ran(look["input"]["code"], "   rate\n0  4.5")
    (call,) = (await answer(llama, asked))["content"]
    assert "['rate'].mean()" in call["input"]["code"]
    assert "with the names as the file has them" in llama.asked[0]["messages"][-2]["content"]
    gone = body(said("user", "mean rate in m3.csv?"), *ran(look["input"]["code"], "FileNotFoundError: [Errno 2] No such file or directory: 'm3.csv'", is_error=True))  # fmt: skip
    (told,) = (await answer(Llama(), gone))["content"]
    assert told["text"] == "The file `m3.csv` does not exist, so nothing was read from it."


@pytest.mark.parametrize("file", ["a.csv", "a.tsv", "a.npz", "a.npy", "a.json", "a.txt", "a'b.yaml", "a.yml"])
def test_look_into_a_file_runs_and_shows_its_beginning(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    values = np.arange(4000.0)
    match file.rpartition(".")[2]:
        case "npz":
            np.savez(file, rates=values)
        case "npy":
            np.save(file, values)
        case _:
            Path(file).write_text("rates\n" + "\n".join(map(str, values)))
    exec(with_imports(first_look(file)), {})
    shown = capsys.readouterr().out
    assert "rates" in shown or file == "a.npy"
    assert len(shown) < 800
    assert first_look("a.h5") == ""


async def test_stream_is_the_apis() -> None:
    async with client_of(Llama("1 + 1\n```")) as client:
        response = await client.post("/v1/messages", json=body(said("user", "go"), stream=True))
    kinds = [line.removeprefix("event: ") for line in response.text.splitlines() if line.startswith("event")]
    assert kinds == [
        "message_start",
        *["content_block_start", "content_block_delta", "content_block_stop"] * 2,
        "message_delta",
        "message_stop",
    ]


async def test_what_code_printed_is_the_answer_and_the_model_is_not_asked() -> None:
    message = await answer(Llama(), body(said("user", "how many?"), *ran("print(len(x))")))
    assert [block["text"] for block in message["content"]] == ["The code ran. Its output:\n\n```text\n7\n```"]
    assert message["stop_reason"] == "end_turn"


async def test_number_that_stands_in_the_code_is_computed_or_called_no_answer() -> None:
    llama = Llama("print(len(x))\n```")
    message = await answer(llama, body(said("user", "how many?"), *ran("print(7)")))
    assert message["content"][0]["input"] == {"code": "print(len(x))"}
    assert "Compute them" in llama.asked[0]["messages"][-2]["content"]
    again = await answer(Llama(), body(said("user", "how many?"), *ran("print(7)"), *ran("print( 7)")))
    assert again["content"][0]["text"].endswith("nothing computed them, so they are no answer.")


async def test_same_code_again_is_asked_for_differently() -> None:
    llama = Llama("x\n```", "x + 1\n```")
    message = await answer(llama, body(said("user", "go"), *ran("x", "NameError: x", is_error=True)))
    assert message["content"][0]["input"] == {"code": "x + 1"}
    assert [asked["temperature"] for asked in llama.asked] == [0.0, 0.7]
    assert "That code ran already." in llama.asked[1]["messages"][-2]["content"]


async def test_circles_end_in_the_error() -> None:
    llama = Llama(*["x\n```"] * 3)
    message = await answer(llama, body(said("user", "go"), *ran("x", "NameError: x", is_error=True)))
    assert message["content"][0]["text"] == (
        "The code fails, and I found no way around it. The error:\n\n```text\nNameError: x\n```"
    )


async def test_no_code_is_no_answer() -> None:
    message = await answer(Llama(*["x = \n```"] * 3), body(said("user", "how many?")))
    no_answer = UNTOLD + "I have no answer to this: no code that I wrote could be run."
    assert message["content"][0]["text"] == no_answer


async def test_missing_file_is_said_to_be_missing() -> None:
    error = "FileNotFoundError: [Errno 2] No such file or directory: 'data/s1.npz'"
    message = await answer(
        Llama(), body(said("user", "load data/s1.npz"), *ran("np.load('data/s1.npz')", error, is_error=True))
    )
    assert (
        message["content"][0]["text"] == "The file `data/s1.npz` does not exist, so nothing was read from it."
    )


async def test_talk_is_shown_without_what_nobody_said() -> None:
    message = await answer(Llama("A spike is short. It lasts 1 ms. Then it ends."), body(said("user", "What is a spike?")))  # fmt: skip
    assert [block["text"] for block in message["content"]] == ["A spike is short. Then it ends."]


async def test_talk_of_nothing_but_inventions_is_called_so() -> None:
    message = await answer(Llama("It lasts 1 ms."), body(said("user", "What is a spike?")))
    assert message["content"][0]["text"].startswith("(I left out what I was going to say")


async def test_code_in_talk_is_only_shown() -> None:
    message = await answer(Llama("Like this:\n```python\nx\n```"), body(said("user", "Explain how to loop.")))
    assert message["content"][0]["text"] == "Like this:\n\n```python\nx\n```\n"
    assert message["stop_reason"] == "end_turn"


async def test_oldest_turns_give_way() -> None:
    llama = Llama("ok")
    old = [said("user", "old " * 1200), said("assistant", "sure")]
    await answer(llama, body(*old, said("user", "hello")), n_ctx=2000)
    assert "old old" not in str(llama.asked)
    assert llama.asked[0]["messages"][-1]["content"] == "hello"


async def test_request_longer_than_the_context_is_refused() -> None:
    async with client_of(Llama(), n_ctx=1200) as client:
        response = await client.post("/v1/messages", json=body(said("user", "word " * 1500)))
    assert response.status_code == 400
    assert "longer than the model's context of 1200 tokens" in response.json()["error"]["message"]


async def test_history_is_read_while_the_user_reads_the_answer() -> None:
    llama = Llama("x = 1\n```", "A spike is short.")
    async with client_of(llama) as client:
        beginning = await llama.ahead.get()
        assert "37 * 41" in beginning
        await client.post("/v1/messages", json=body(said("user", "how many?")))
        asked = body(said("user", "What is a spike?"), stream=True)
        await client.post("/v1/messages", json=asked)
        history = await llama.ahead.get()
        assert history.startswith(beginning)
        assert history.endswith("What is a spike?A spike is short.")
        assert llama.ahead.empty()  # a turn whose code runs is not over


async def test_reading_ahead_gives_way_and_its_failure_is_nobody_s() -> None:
    class Slow(Llama):
        has_begun, was_stopped = asyncio.Event(), False

        async def __call__(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == "/completion":
                if self.was_stopped:
                    raise httpx.ReadError("gone")
                self.has_begun.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    self.was_stopped = True
            return await super().__call__(request)

    llama = Slow("Short.", "Long.")
    async with client_of(llama) as client:
        await llama.has_begun.wait()
        for words in ("Short.", "Long."):
            response = await client.post("/v1/messages", json=body(said("user", "What is a spike?")))
            assert llama.was_stopped
            assert response.json()["content"][0]["text"] == words


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
