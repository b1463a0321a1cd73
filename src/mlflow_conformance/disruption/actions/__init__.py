# SPDX-License-Identifier: Apache-2.0
"""What the experiments of ``scenarios/`` do: one small function for each activity.

chaostoolkit calls them in a process of its own with the path of the scene (see
`mlflow_conformance.disruption.scene`), and writes what they return into its journal. An action that
could not do what it is for raises, and the fault then counts as not having happened. What is a
finding about the deployment, such as a rollout that does not end, is returned and judged by the
check.
"""
