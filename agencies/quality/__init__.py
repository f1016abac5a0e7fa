"""What is wrong with an extract: each defect with a code, a severity and row numbers, never a value."""
