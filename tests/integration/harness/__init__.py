# SPDX-License-Identifier: Apache-2.0
"""The harness of the integration tests and the demo: one class per process, everything on loopback."""
