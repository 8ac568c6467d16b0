"""Streamlit desks for operators, investigators and planners."""
