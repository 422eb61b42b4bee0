"""How complete the data are: channels by their expected interval (event time), gateways by their sequences."""
