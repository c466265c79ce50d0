"""An engine that loads each test into a worker, as measuring does, and invents its numbers."""

from __future__ import annotations

import tempfile
from pathlib import Path

from engine_stand_in import StandIn

from energygate.run.context import side_of
from energygate.workloads.serving import Serving


class Loading(StandIn):
    def measure(self, target):
        ((name, workload),) = self.builder.policy(target).workloads.items()
        with tempfile.TemporaryDirectory() as scratch:
            serving = Serving(
                name=name,
                workload=workload,
                side=side_of("head", self.builder.settings.root, None),
                seed=0,
                timeout_s=30,
                scratch=Path(scratch),
                inputs_directory=self.builder.settings.root,
                pytest_options=self.collection.options_for(target.path),
            )
            with serving.open(()) as ready:
                ready.worker.run(1)
        return super().measure(target)
