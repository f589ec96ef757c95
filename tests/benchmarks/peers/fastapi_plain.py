"""FastAPI behind uvicorn, two workers, nothing else: what most people write."""

from __future__ import annotations

import os

from fastapi import FastAPI, Request, Response
from same_work import Model, read, settle, write

app = FastAPI()
model = Model(os.environ["BENCH_BUNDLE"])
settle()


@app.post("/predict")
async def predict(request: Request) -> Response:
    return Response(write(model(read(await request.body()))), media_type="application/json")
