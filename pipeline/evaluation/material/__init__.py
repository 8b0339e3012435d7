"""What is measured on: acted, written, composed and other people's sessions."""
