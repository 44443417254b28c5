# SPDX-License-Identifier: Apache-2.0
"""1,500 made-up requests, always the same ones: what /openapi.json promises holds for each.  `make property` sends more,
and others."""
from harness import hammer


def test_made_up_requests(make_cluster):
    cluster = hammer.prepare(make_cluster).start()
    run = hammer.Run(cluster, 1)
    run.make(1500)
    print(run.report())
    run.finish()
