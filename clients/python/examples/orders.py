"""A backend of one route, which needs a token that may read orders.

python clients/python/examples/orders.py 127.0.0.1:50051 8000
"""

import sys
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI
from fastapi.responses import PlainTextResponse

from sessiond import AsyncClient, Session
from sessiond.fastapi import protect, require

app = FastAPI()
protect(app, lambda: AsyncClient(sys.argv[1]))


@app.get("/orders")
async def list_orders(
    session: Annotated[Session, Depends(require(scopes=["orders:read"]))],
) -> PlainTextResponse:
    """What the bearer of the token has ordered."""
    return PlainTextResponse(f"orders of {session.subject}\n")


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[2]), log_level="warning")
