"""Celery: threads; a job is acknowledged when it is done, without which a worker that dies takes its jobs with it."""

from celery import Celery

from benchmarks.peers.driving import Driver, Order, Payload, run_job, serve


class CeleryPeer(Driver):
    """The calls of Celery."""

    def __init__(self, order: Order) -> None:
        super().__init__(order)
        self.app = Celery("peers", broker=order.url, backend=order.url, set_as_current=True)
        self.app.conf.task_acks_late = True
        self.app.conf.worker_hijack_root_logger = False
        if order.lease_seconds:
            # By default it looks for abandoned jobs about each 100 s.
            self.app.conf.broker_transport_options = {
                "visibility_timeout": order.lease_seconds,
                "unacked_restore_interval": 1,
                "unacked_restore_throttle": 1,
            }
        self.run = self.app.task(run_job, name="run")

    def submit(self, payload: Payload, priority: int) -> str:
        return self.run.delay(payload).id

    def work(self) -> None:
        self.app.Worker(
            pool="threads",
            concurrency=self.order.slots,
            loglevel="ERROR",
            quiet=True,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        ).start()

    def result(self, job_id: str) -> object:
        return self.app.AsyncResult(job_id).result


if __name__ == "__main__":
    serve(CeleryPeer)
