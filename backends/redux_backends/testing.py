"""What every backend must do, as tests that run over any of them."""
