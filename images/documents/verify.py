"""Each kind of document is written, read again, and says the same."""

import io

import docx
import openpyxl
import pytesseract
from PIL import Image, ImageDraw, ImageFont
from pypdf import PdfReader
from pypdfium2 import PdfDocument
from reportlab.pdfgen.canvas import Canvas

WORDS = "Oslo sold forty"


def pdf() -> str:
    """The words in a PDF."""
    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.drawString(72, 720, WORDS)
    canvas.save()
    return PdfReader(file).pages[0].extract_text().strip()


def scan() -> str:
    """The words in a PDF that has but a picture of them."""
    file = io.BytesIO()
    drawn().save(file, "PDF")
    assert PdfReader(file).pages[0].extract_text().strip() == ""
    return pytesseract.image_to_string(PdfDocument(file)[0].render(scale=2).to_pil()).strip()


def word() -> str:
    """The words in a document of Word."""
    file = io.BytesIO()
    written = docx.Document()
    written.add_paragraph(WORDS)
    written.save(file)
    return docx.Document(file).paragraphs[0].text


def excel() -> str:
    """The words in a sheet of Excel."""
    file = io.BytesIO()
    written = openpyxl.Workbook()
    written.active.append(WORDS.split())
    written.save(file)
    (row,) = openpyxl.load_workbook(file).active.iter_rows(values_only=True)
    return " ".join(row)


def picture() -> str:
    """The words in a picture."""
    return pytesseract.image_to_string(drawn()).strip()


def drawn() -> Image.Image:
    """A picture of the words."""
    image = Image.new("L", (900, 160), 255)
    font = ImageFont.truetype("DejaVuSans.ttf", 80)
    ImageDraw.Draw(image).text((40, 30), WORDS, fill=0, font=font)
    return image


for read in (pdf, scan, word, excel, picture):
    assert read() == WORDS, (read.__name__, read())
