"""Channel detail: one channel's readings, features, novelty, fatigue, trend and life, with their reasons."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from . import channel_life, channel_novelty, channel_readings, channel_state, channel_waveforms, variables
from .links import frame


def build() -> Dashboard:
    """The dashboard `telltale-channel`."""
    return (
        frame("Telltale: channel detail", "telltale-channel", "now-90d")
        .with_variable(variables.facility(many=False))
        .with_variable(variables.structure(many=False))
        .with_variable(variables.channel())
        .with_variable(variables.beside())
        .annotation(channel_state.alarms())
        .with_row(Row("State"))
        .with_panel(channel_state.score_now())
        .with_panel(channel_state.verdicts())
        .with_panel(channel_state.life_now())
        .with_row(Row("Readings (crack, tilt, temperature, static strain)"))
        .with_panel(channel_readings.readings())
        .with_panel(channel_readings.beside())
        .with_panel(channel_readings.compensated())
        .with_panel(channel_readings.trend())
        .with_panel(channel_readings.temperature_effect())
        .with_panel(channel_readings.explained())
        .with_row(Row("Vibration and strain waveforms"))
        .with_panel(channel_waveforms.level())
        .with_panel(channel_waveforms.modes())
        .with_panel(channel_waveforms.temperature())
        .with_panel(channel_waveforms.frequency_error())
        .with_panel(channel_waveforms.damping())
        .with_panel(channel_waveforms.damping_error())
        .with_panel(channel_waveforms.shape())
        .with_panel(channel_waveforms.bands())
        .with_row(Row("Vibration velocity against guide values for buildings"))
        .with_panel(channel_waveforms.velocity())
        .with_panel(channel_waveforms.guide_share())
        .with_panel(channel_waveforms.velocity_frequency())
        .with_row(Row("Novelty"))
        .with_panel(channel_novelty.score())
        .with_panel(channel_novelty.reasons())
        .with_row(Row("Groups of like sensors of the structure"))
        .with_panel(channel_novelty.group_score())
        .with_panel(channel_novelty.group_reasons())
        .with_row(Row("Fatigue of a strain channel"))
        .with_panel(channel_life.damage_total())
        .with_panel(channel_life.damage_rate())
        .with_panel(channel_life.cycles())
        .with_panel(channel_life.ranges())
        .with_row(Row("Remaining life"))
        .with_panel(channel_life.life())
        .with_panel(channel_life.life_days())
        .with_panel(channel_life.refusals())
        .with_row(Row("Findings and completeness of the data"))
        .with_panel(channel_state.findings())
        .with_panel(channel_state.complete())
        .with_panel(channel_state.gaps())
        .with_panel(channel_state.counts())
        .with_panel(channel_state.flagged())
    )
