"""What operators do that ends a baseline, in words."""

from __future__ import annotations

from cloud_service.baseline_record import Act

ACT_WORDS = {
    Act.SENSOR_MOVED: "sensor moved",
    Act.SENSOR_REPLACED: "sensor replaced",
    Act.STRUCTURE_REPAIRED: "structure repaired",
    Act.RECOMMISSIONED: "re-commissioned: the state as it is was accepted",
}
