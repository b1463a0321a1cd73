# SPDX-License-Identifier: Apache-2.0
"""How backups are made and restored, and where they are: of a profile's `names`."""

from pydantic import Field

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.config.object_names import ObjectName


class BackupNames(Strict):
    """How a backup is made by hand, and where backups are kept."""

    cronjob: ObjectName = Field(description="the CronJob")
    command: str = Field(
        description="documented line that makes a backup at once, for bash; `{job}` is the name "
        "that its Job must get, `{namespace}` the namespace"
    )
    bucket: str = Field(min_length=1, description="the bucket of backups")
    prefix: str = Field(default="", description="what the keys of backups begin with")
    object: str = Field(
        default="mlflow_backup_%Y%m%d_%H%M%S.dump.enc",
        description="name of a backup by its time (UTC), as strftime writes it",
    )
    manifest: str = Field(
        default=".manifest.json", description="what a backup's name ends with beside it"
    )


class LostNames(Strict):
    """How the deployment comes back when its namespace was lost, with all that was in it.

    Documented lines, for bash, run in the folder of deployment/ with `set -eu`. In each, `{folder}`
    is a private folder of this machine.
    """

    keep: str = Field(description="before the loss: keeps what a restore needs in `{folder}`")
    namespace: str = Field(description="makes the namespace again, with what was kept")
    install: str = Field(description="installs into it, and waits until all is ready")


class RestoreNames(Strict):
    """How a backup is restored: documented lines, for bash, run in the folder of deployment/."""

    command: str = Field(
        description="documented line that restores; `{backup}` is the name of the backup, "
        "`{token}` a name that no restore had before"
    )
    selector: dict[str, str] = Field(min_length=1, description="labels of restore Jobs")
    rebuild: str = Field(
        default="", description="line that makes an empty PostgreSQL fit for a restore, if needed"
    )
    after: str = Field(default="", description="line that ends the restore's settings, if needed")
    earlier: str = Field(
        default="",
        description="documented line that restores into the version before an upgrade, if it is "
        "another than `command`; `{revision}` is what tells helm that version",
    )
    lost: LostNames | None = Field(
        default=None, description="how a lost namespace comes back, before a restore into it"
    )

    @property
    def lines(self) -> list[str]:
        """Every line."""
        lost = [self.lost.keep, self.lost.namespace, self.lost.install] if self.lost else []
        return [self.command, self.rebuild, self.after, self.earlier, *lost]
