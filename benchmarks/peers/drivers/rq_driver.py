"""rq: one job at a time in the worker's own process, because a fork for each job is several times slower."""

from redis import Redis
from rq import Queue, Retry, SimpleWorker
from rq.job import Job

from benchmarks.peers.driving import Driver, Order, Payload, run_job, serve
from benchmarks.peers.driving import Job as Submitted

TRIES = 3


def run(payload: Payload) -> str:
    """The body of every job."""
    return run_job(payload)


class Rq(Driver):
    """The calls of rq."""

    def __init__(self, order: Order) -> None:
        super().__init__(order)
        self.redis = Redis.from_url(order.url)
        self.queue = Queue(connection=self.redis, default_timeout=order.lease_seconds or 180)

    def submit(self, payload: Payload, priority: int) -> str:
        return self.queue.enqueue("rq_driver.run", payload, retry=Retry(max=TRIES)).id

    def submit_bulk(self, jobs: list[Submitted]) -> None:
        retry = Retry(max=TRIES)
        self.queue.enqueue_many([Queue.prepare_data("rq_driver.run", (payload,), retry=retry) for payload, _ in jobs])

    def work(self) -> None:
        # It looks for abandoned jobs between two waits, and waits 15 s less than the time to live of a worker.
        more = {"maintenance_interval": 1, "worker_ttl": 20} if self.order.lease_seconds else {}
        worker = SimpleWorker([self.queue], connection=self.redis, log_job_description=False, **more)
        worker.work(logging_level="WARNING")

    def result(self, job_id: str) -> object:
        return Job.fetch(job_id, connection=self.redis).return_value()


if __name__ == "__main__":
    serve(Rq)
