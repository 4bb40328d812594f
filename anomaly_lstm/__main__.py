"""``python -m anomaly_lstm`` is the command line."""

from anomaly_lstm.cli import main

if __name__ == "__main__":
    main()
