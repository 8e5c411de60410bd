"""huey: threads; a job leaves Redis when a worker takes it."""

from huey import RedisHuey

from benchmarks.peers.driving import Driver, Order, Payload, run_job, serve


class Huey(Driver):
    """The calls of huey."""

    def __init__(self, order: Order) -> None:
        super().__init__(order)
        self.huey = RedisHuey("peers", url=order.url)
        self.run = self.huey.task(name="run")(run_job)

    def submit(self, payload: Payload, priority: int) -> str:
        return self.run(payload).id

    def work(self) -> None:
        self.huey.create_consumer(workers=self.order.slots, worker_type="thread", periodic=False).run()

    def result(self, job_id: str) -> object:
        return self.huey.result(job_id, preserve=True)


if __name__ == "__main__":
    serve(Huey)
