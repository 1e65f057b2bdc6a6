"""What an operator needs to run the service: configuration, secrets, files for systemd, Prometheus and Grafana."""
