"""Constructional details of EN 1993-1-9:2005 that a `site.toml` may name, with their detail category Δσ_C.

For direct stress ranges at the place of the gauge (nominal stress). Details of shear, of root cracks and of bolts need
other stresses than a strain gauge sees, and are left out. Transcribed from tables 8.1 to 8.5, in our words: the
engineer who names one checks its conditions (thickness, grinding, inspection, size effect) in the edition in force.
"""

from __future__ import annotations

from dataclasses import dataclass

# EN 1993-1-9:2005 figure 7.1.
CATEGORIES_MPA = (160, 140, 125, 112, 100, 90, 80, 71, 63, 56, 50, 45, 40, 36)


@dataclass(frozen=True, slots=True)
class Detail:
    """One constructional detail.

    Attributes:
        name: the word used in settings.
        category_mpa: Δσ_C, the characteristic stress range at 2e6 cycles, MPa.
        clause: table and number of the detail.
        description: what it looks like.
    """

    name: str
    category_mpa: int
    clause: str
    description: str


DETAILS: dict[str, Detail] = {
    detail.name: detail
    for detail in (
        Detail("rolled", 160, "table 8.1 (1) to (3)", "plate, flat, rolled section or seamless tube as rolled"),
        Detail("cut_dressed", 140, "table 8.1 (4)", "sheared or gas-cut edge, dressed afterwards"),
        Detail("gas_cut", 125, "table 8.1 (5)", "machine gas-cut edge with shallow regular drag lines"),
        Detail("splice_preloaded", 112, "table 8.1 (8)", "double-covered joint with preloaded bolts, gross section"),
        Detail("splice_fitted", 90, "table 8.1 (9)", "double-covered joint with fitted bolts, net section"),
        Detail("lap_preloaded", 90, "table 8.1 (10)", "one-sided connection with preloaded bolts, gross section"),
        Detail("holes", 90, "table 8.1 (11)", "member with holes in bending or tension, net section"),
        Detail("lap_fitted", 80, "table 8.1 (12)", "one-sided connection with fitted bolts, net section"),
        Detail("web_flange_automatic", 125, "table 8.2 (1), (2)", "continuous automatic longitudinal weld, no stop"),
        Detail("web_flange_stops", 112, "table 8.2 (3)", "automatic longitudinal weld from both sides, with stops"),
        Detail("web_flange_manual", 100, "table 8.2 (5), (6)", "manual longitudinal weld; box girder from one side"),
        Detail("web_flange_intermittent", 80, "table 8.2 (8)", "intermittent longitudinal fillet weld"),
        Detail("cope_hole", 71, "table 8.2 (9)", "longitudinal weld at a cope hole of at most 60 mm"),
        Detail("butt_ground", 112, "table 8.3 (1) to (4)", "transverse butt weld from both sides, ground flush"),
        Detail("butt_flat", 90, "table 8.3 (5) to (7)", "transverse butt weld, convexity at most 10 % of its width"),
        Detail("butt", 80, "table 8.3 (9) to (11)", "transverse butt weld, convexity at most 20 % of its width"),
        Detail(
            "butt_backing", 71, "table 8.3 (14)", "transverse butt weld on a backing strip, ends 10 mm from the edge"
        ),
        Detail("butt_backing_edge", 50, "table 8.3 (16)", "transverse butt weld on a backing strip welded at the edge"),
        Detail("butt_one_side", 36, "table 8.3 (13)", "transverse butt weld from one side, not inspected"),
        Detail("attachment_50", 80, "table 8.4 (1)", "longitudinal attachment, length up to 50 mm"),
        Detail("attachment_80", 71, "table 8.4 (1)", "longitudinal attachment, length 50 to 80 mm"),
        Detail("attachment_100", 63, "table 8.4 (1)", "longitudinal attachment, length 80 to 100 mm"),
        Detail("attachment_long", 56, "table 8.4 (1)", "longitudinal attachment, length over 100 mm"),
        Detail("gusset_edge", 40, "table 8.4 (5)", "gusset welded to the edge of a plate, no radius"),
        Detail("stiffener_50", 80, "table 8.4 (6) to (8)", "transverse stiffener or diaphragm, up to 50 mm thick"),
        Detail("stiffener_80", 71, "table 8.4 (6) to (8)", "transverse stiffener or diaphragm, 50 to 80 mm thick"),
        Detail("stud_plate", 80, "table 8.4 (9)", "plate under welded shear studs"),
        Detail("cover_plate_20", 56, "table 8.5 (6)", "end of a cover plate thinner than the flange, to 20 mm"),
        Detail("cover_plate_30", 50, "table 8.5 (6)", "end of a cover plate thinner than the flange, 20 to 30 mm"),
        Detail("cover_plate_50", 45, "table 8.5 (6)", "end of a cover plate thinner than the flange, 30 to 50 mm"),
        Detail("cover_plate_thick", 40, "table 8.5 (6)", "end of a cover plate thinner than the flange, over 50 mm"),
    )
}
