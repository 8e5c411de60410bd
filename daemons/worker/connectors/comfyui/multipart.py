"""The form that `/upload/image` takes, made as it is sent: httpx would want the whole file first."""

from collections.abc import AsyncIterable, AsyncIterator


async def form(boundary: str, name: str, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """One file field; `name` holds neither quotes nor line ends."""
    yield (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    async for chunk in chunks:
        yield chunk
    yield f"\r\n--{boundary}--\r\n".encode()
