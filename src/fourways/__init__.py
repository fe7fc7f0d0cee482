"""fourways: a company's documents and questions, answered in each of four ways, measured, shipped behind one API."""
