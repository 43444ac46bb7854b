"""Version 1: one blueprint for each resource."""

from __future__ import annotations

from typing import Final

from central.api.v1 import (
    absences,
    alert_policy,
    attendance_days,
    auth,
    boot_files,
    calendar,
    commands,
    corrections,
    device_evacuation,
    device_photos,
    device_register,
    device_releases,
    devices,
    enrolment,
    evacuations,
    gates,
    inside,
    kiosks,
    me,
    no_shows,
    notifications,
    reports,
    rollouts,
    students,
    taps,
    tasks,
    withdrawals,
)
from central.api.v1.requests import name_the_scheme, refuse_what_no_resource_takes

BLUEPRINTS: Final = (
    auth.bp,
    me.bp,
    students.bp,
    taps.bp,
    attendance_days.bp,
    notifications.bp,
    gates.bp,
    absences.bp,
    calendar.bp,
    alert_policy.bp,
    corrections.bp,
    withdrawals.bp,
    commands.bp,
    devices.bp,
    enrolment.bp,
    device_register.bp,
    kiosks.bp,
    device_releases.bp,
    boot_files.bp,
    rollouts.bp,
    device_evacuation.bp,
    device_photos.bp,
    inside.bp,
    evacuations.bp,
    reports.bp,
    tasks.bp,
    no_shows.bp,
)

# What takes something else than JSON, and looks at it itself.
OTHERS: Final = (device_photos.content_bp,)

for _blueprint in BLUEPRINTS:
    _blueprint.before_request(refuse_what_no_resource_takes)
for _blueprint in (*BLUEPRINTS, *OTHERS):
    _blueprint.after_request(name_the_scheme)
